"""A test's own connection to PostgreSQL, past the service's engine."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
from flask import Flask

from app import create_app
from tests.support.settings import settings_for


def query(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run statements, and commit.

    :returns: the rows of the last one, if it has any
    """
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
        return rows


def tables_in(url: str, schema: str) -> set[str]:
    found = query(url, "SELECT tablename FROM pg_tables WHERE schemaname = %s", schema)
    return {name for (name,) in found}


@contextmanager
def app_on(url: str, **environment: str) -> Iterator[Flask]:
    """The app with these settings."""
    app = create_app(settings_for(url, **environment))
    try:
        yield app
    finally:
        app.extensions["presence"].database.close()
