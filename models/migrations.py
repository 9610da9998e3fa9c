"""Bringing a database to the newest schema."""

from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from models import privileges, row_security
from models.schema import schema_of
from models.schema_setup import VERSION_TABLE

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


@cache
def head_revision() -> str | None:
    """The newest migration of this release."""
    return ScriptDirectory.from_config(_config()).get_current_head()


@cache
def _former_revisions() -> frozenset[str]:
    """All migrations of this release but the newest."""
    every = ScriptDirectory.from_config(_config()).walk_revisions()
    return frozenset(each.revision for each in every if not each.is_head)


def is_behind(revision: str | None) -> bool:
    """Whether a database at ``revision`` lacks a migration of this release.

    A database that is ahead belongs to the next release; this one still works with it.
    """
    return revision is None or revision in _former_revisions()


def version_table(connection: Connection) -> dict[str, Any]:
    """Alembic's options for the table that says where the database is."""
    if connection.dialect.name == "sqlite":
        return {}  # its file is ours alone
    return {"version_table": VERSION_TABLE, "version_table_schema": schema_of(connection)}


def current_revision(connection: Connection) -> str | None:
    """The migration that the database is at; None for an empty one."""
    options = version_table(connection)
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def upgrade(connection: Connection) -> bool:
    """Migrate to the newest schema, in the transaction of ``connection``.

    :returns: whether there was anything to do
    :raises CommandError: it can't be done; the message is one line and says what to do
    """
    at = current_revision(connection)
    if not is_behind(at) and (at != head_revision() or _is_closed(connection)):
        return False
    run("upgrade", connection, "head")
    return True


def _is_closed(connection: Connection) -> bool:
    """Whether everyone sees what they should, and no more."""
    return row_security.is_applied(connection) and not privileges.open_to_others(connection)


def run(name: str, connection: Connection, *args: str) -> None:
    """Run an Alembic command on ``connection``."""
    config = _config()
    config.attributes["connection"] = connection
    getattr(command, name)(config, *args)


def _config() -> Config:
    return Config(toml_file=PYPROJECT)
