"""Databases of a test's own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from models import migrations, row_security
from models.database import Database
from models.reach import EVERY_ORG
from models.schema_setup import VERSION_TABLE
from settings import Settings
from tests.support.settings import APP, OWNER, settings_for


class GivenUp(Exception):
    """Rolls a transaction back."""


@contextmanager
def new_postgresql(server: str, options: str = "") -> Iterator[str]:
    """The URL of a new database on ``server``, for who makes it; it is dropped at the end.

    :param options: of CREATE DATABASE
    """
    name = f"presence_tests_{uuid4().hex[:12]}"
    with _administering(server) as run:
        run(f"CREATE DATABASE {name} {options}")
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def empty_postgresql(server: str, options: str = "") -> Iterator[str]:
    """The URL of a new database on ``server``, for its owner; both are dropped at the end.

    The owner is no superuser, whom row-level security would not stop. Servers become another role
    (:func:`serving`), which gets its rights once there are tables.

    :param options: of CREATE DATABASE
    """
    number = uuid4().hex[:12]
    owner, app = f"{OWNER}{number}", f"{APP}{number}"
    with _administering(server) as run:
        for role in (owner, app):
            run(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        run(f"GRANT {owner} TO CURRENT_USER")
        run(f"GRANT {app} TO {owner}")
        try:
            with new_postgresql(server, f"OWNER {owner} {options}") as url:
                theirs = make_url(url).set(username=owner, password=owner)
                yield theirs.render_as_string(hide_password=False)
        finally:
            run(f"DROP ROLE {owner}, {app}")


@contextmanager
def _administering(server: str) -> Iterator[Callable[[str], object]]:
    engine = create_engine(
        make_url(server).set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        yield lambda statement: connection.execute(text(statement))
    engine.dispose()


@contextmanager
def database_of(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The URL of a new database of the kind that ``request.param`` names."""
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'own.db'}"
        return
    with empty_postgresql(request.getfixturevalue("postgresql_server")) as url:
        yield url


@contextmanager
def opened(where: str | Settings) -> Iterator[Database]:
    database = Database(settings_for(where) if isinstance(where, str) else where)
    try:
        yield database
    finally:
        database.close()


def migrate(where: str | Settings) -> None:
    """Make the tables, and let servers become their role."""
    settings = settings_for(where) if isinstance(where, str) else where
    with opened(settings) as database, database.write(EVERY_ORG) as session:
        migrations.upgrade(session.connection())
        if settings.db_role is not None:
            row_security.grant(session.connection(), settings.db_role)


def migrate_to(database: Database, command: str, where: str) -> None:
    """:param command: ``upgrade`` or ``downgrade``"""
    with database.write(EVERY_ORG) as session:
        migrations.run(command, session.connection(), where)


def version_table(database: Database) -> str:
    """The table that says at which migration the database is."""
    return "alembic_version" if database.is_sqlite else VERSION_TABLE
