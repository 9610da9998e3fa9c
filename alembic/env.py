"""Alembic's environment. The commands hand in a connection; `alembic` itself makes one."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection

import settings
from models import Base
from models.base import UTCDateTime
from models.session import Database


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    with Database(settings.load().database_url).write() as session:
        migrate(session.connection())


def render_item(kind: str, item: object, _autogen: object) -> str | Literal[False]:
    """Migrations name SQLAlchemy's types, since ours may change after them."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def migrate(connection: Connection) -> None:
    """Run the migrations that were asked for on ``connection``."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
