"""Alembic's environment. The commands hand in a connection; `alembic` itself makes one."""

from typing import Literal

from alembic import context
from alembic.operations.ops import MigrationScript
from sqlalchemy import Connection

import settings
from models import Base
from models.base import UTCDateTime
from models.database import Database
from models.migrations import head_revision
from models.reach import EVERY_ORG


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    with Database(settings.load().database_url).write(EVERY_ORG) as session:
        migrate(session.connection())


def render_item(kind: str, item: object, _autogen: object) -> str | Literal[False]:
    """Migrations name SQLAlchemy's types, since ours may change after them."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def number(_context: object, _revision: object, directives: list[MigrationScript]) -> None:
    """Give a new migration the next number, where Alembic would make up an id."""
    for script in directives:
        script.rev_id = f"{int(head_revision() or 0) + 1:04}"


def migrate(connection: Connection) -> None:
    """Run the migrations that were asked for on ``connection``."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
        process_revision_directives=number,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
