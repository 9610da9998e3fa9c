"""A process holds no more connections than PRESENCE_DB_CONNECTIONS, and its threads follow."""

import pytest

from live.flask_bridge import THREADS, threads_for
from tests.support.databases import opened
from tests.support.settings import settings_for


@pytest.mark.parametrize(
    ("connections", "threads"), [(4, 1), (9, 1), (12, 4), (19, 11), (20, 12), (1000, 12)]
)
def test_threads_have_a_connection_each_beside_the_others(
    database_url: str, connections: int, threads: int
) -> None:
    settings = settings_for(database_url, PRESENCE_DB_CONNECTIONS=str(connections))
    assert threads_for(settings) == threads <= THREADS


def test_the_pool_leaves_one_to_listen_on(database_url: str) -> None:
    with opened(settings_for(database_url, PRESENCE_DB_CONNECTIONS="6")) as database:
        pool = database.engine.pool
        assert pool.size() == 5  # type: ignore[attr-defined]
        assert pool._max_overflow == 0  # type: ignore[attr-defined]
