"""Alembic's environment. The commands hand in a connection; `alembic` itself makes one."""

from typing import Literal

from alembic import context
from alembic.operations.ops import MigrationScript
from sqlalchemy import Connection, text

import settings
from models import Base, privileges, row_security
from models.base import UTCDateTime
from models.database import LOCK_TIMEOUT_SECONDS, Database
from models.migrations import head_revision, version_table
from models.reach import EVERY_ORG
from models.schema_setup import VERSION_TABLE, make_room


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    with Database(settings.load()).write(EVERY_ORG) as session:
        migrate(session.connection())


def render_item(kind: str, item: object, _autogen: object) -> str | Literal[False]:
    """Migrations name SQLAlchemy's types, since ours may change after them."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def is_compared(name: str | None, kind: str, _parents: object) -> bool:
    return (kind, name) != ("table", VERSION_TABLE)


def number(_context: object, _revision: object, directives: list[MigrationScript]) -> None:
    """Give a new migration the next number, where Alembic would make up an id."""
    for script in directives:
        script.rev_id = f"{int(head_revision() or 0) + 1:04}"


def migrate(connection: Connection) -> None:
    """Do what was asked for on ``connection``."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
        include_name=is_compared,
        process_revision_directives=number,
        **version_table(connection),
    )
    changes_schema = "destination_rev" in context.get_context().opts
    with context.begin_transaction():
        if changes_schema and connection.dialect.name == "postgresql":
            # A migration may take longer than a request, and so may the machine that is before us.
            connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
            make_room(connection)
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
        context.run_migrations()
        if changes_schema:
            if not row_security.is_applied(connection):
                row_security.apply(connection)
            privileges.close(connection)


run()
