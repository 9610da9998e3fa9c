"""Bringing a database to the newest schema."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from models.database import LOCK_TIMEOUT_SECONDS

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
ONE_AT_A_TIME = 0x70726573_6D696772  # a key for PostgreSQL's advisory locks: "presmigr"


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


def current_revision(connection: Connection) -> str | None:
    """The migration that the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection) -> bool:
    """Migrate to the newest schema, in the transaction of ``connection``.

    :returns: whether there was anything to do
    """
    if current_revision(connection) == head_revision():
        return False
    if connection.dialect.name == "postgresql":
        # A migration may take longer than a request; two machines may start at once.
        connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
    run("upgrade", connection, "head")
    return True


def run(name: str, connection: Connection, *args: str) -> None:
    """Run an Alembic command on ``connection``."""
    config = _config()
    config.attributes["connection"] = connection
    getattr(command, name)(config, *args)


def _config() -> Config:
    return Config(toml_file=PYPROJECT)
