"""A connection that PostgreSQL ended while it was idle costs nobody an answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import func, select, text

from models.database import Database
from models.reach import EVERY_ORG, NO_ORG
from tests.support.databases import opened
from tests.support.settings import settings_for

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

POOLED = 5


@pytest.fixture
def used(database_url: str) -> Iterator[Database]:
    """Without a pooler between, whose connections to PostgreSQL are not its clients'."""
    with opened(settings_for(database_url, DATABASE_URL=database_url)) as used:
        yield used


def backends(database: Database) -> set[int]:
    """Those of several connections that are used together, and idle then."""
    with ExitStack() as together:
        sessions = [together.enter_context(database.read(NO_ORG)) for _ in range(POOLED)]
        return {each.scalars(select(func.pg_backend_pid())).one() for each in sessions}


def test_those_that_died_are_missed_by_nobody(used: Database, database: Database) -> None:
    with database.write(EVERY_ORG) as session:
        for pid in backends(used):
            assert session.scalar(select(func.pg_terminate_backend(pid, 5000)))

    def ask(_: int) -> object:
        with used.write(NO_ORG) as session:
            return session.scalar(text("SELECT 1"))

    with ThreadPoolExecutor(POOLED) as threads:
        assert list(threads.map(ask, range(2 * POOLED))) == [1] * 2 * POOLED


def test_those_that_live_are_kept(used: Database) -> None:
    before = backends(used)
    assert len(before) == POOLED
    assert backends(used) == before
