"""Staging and production in one database neither wake nor block each other, nor share a row."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from uuid import UUID

import pytest

from context import Context
from feeds.feed import Watched
from feeds.notifications import Notifications
from live import sweeper
from models import migrations
from models.reach import EVERY_ORG
from services import expiry
from services.change import Change
from tests.support.databases import empty_postgresql, migrate, opened
from tests.support.outside import tables_in
from tests.support.settings import settings_for
from tests.support.world import World, ago, dump

SCHEMAS = ("staging", "production")
SECONDS = 60


@pytest.fixture
def url(postgresql_server: str) -> Iterator[str]:
    with empty_postgresql(postgresql_server) as url:
        yield url


@pytest.fixture
def worlds(url: str) -> Iterator[list[World]]:
    """An org in each of the schemas, with a presence that is due to become stale."""
    with ExitStack() as stack:
        worlds = []
        for schema in SCHEMAS:
            settings = settings_for(url, PRESENCE_DB_SCHEMA=schema)
            database = stack.enter_context(opened(settings))
            migrate(settings)
            worlds.append(World(database, settings))
            worlds[-1].clock_in(worlds[-1].va(), worlds[-1].account(), ago(600))
        yield worlds


class Heard:
    """A cache that only remembers what it is told."""

    def __init__(self) -> None:
        self.orgs: list[UUID] = []
        self.listens = threading.Event()

    def watched(self) -> list[Watched]:
        return []

    def invalidate(self, changed: Iterable[UUID]) -> None:
        self.orgs += changed

    def invalidate_all(self) -> None:
        self.listens.set()

    def renew_lease(self, until: float) -> None: ...


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_change_wakes_only_the_own_environment(
    worlds: list[World], order: tuple[int, int]
) -> None:
    first, then = (worlds[number] for number in order)
    heard = {world.id: Heard() for world in worlds}

    async def change_both() -> None:
        feeds = [
            asyncio.create_task(
                Notifications(world.database, world.settings).hear(heard[world.id], lambda: True)
            )
            for world in worlds
        ]
        await until(lambda: all(each.listens.is_set() for each in heard.values()))
        first.account("Blue Heron Bakery")
        then.account("Corner Florist")
        # PostgreSQL delivers in the order of commits: what was first would have come before.
        await until(lambda: all(each.orgs for each in heard.values()))
        for feed in feeds:
            feed.cancel()

    asyncio.run(change_both())
    assert {org: each.orgs for org, each in heard.items()} == {org: [org] for org in heard}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_both_sweep_at_once(
    worlds: list[World], order: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (Context(worlds[n].settings, worlds[n].database) for n in order)
    sweep_org = expiry.sweep
    others: list[tuple[int, int]] = []

    def meanwhile(change: Change) -> tuple[int, int]:
        monkeypatch.undo()
        others.append(sweeper.sweep(other))
        return sweep_org(change)

    monkeypatch.setattr(expiry, "sweep", meanwhile)
    assert sweeper.sweep(one) == (1, 0)
    assert others == [(1, 0)]
    for world in worlds:
        assert [event.kind for event in world.events()] == ["clock_in", "stale"]


def test_one_is_migrated_while_the_other_is(url: str) -> None:
    def migrate_the_other() -> None:
        settings = settings_for(url, PRESENCE_DB_SCHEMA="production")
        with opened(settings) as production, production.write(EVERY_ORG) as session:
            migrations.upgrade(session.connection())

    with (
        ThreadPoolExecutor(1) as other,
        opened(settings_for(url, PRESENCE_DB_SCHEMA="staging")) as staging,
        staging.write(EVERY_ORG) as session,
    ):
        migrations.upgrade(session.connection())
        other.submit(migrate_the_other).result(SECONDS)
        assert tables_in(url, "staging") == set()
    assert tables_in(url, "staging") == tables_in(url, "production") != set()


def test_they_share_no_row(worlds: list[World]) -> None:
    staging, production = worlds
    before = dump(production.database)
    staging.clock_in(staging.va("Ben Cruz"), staging.account("Delta Movers"))
    assert dump(production.database) == before
