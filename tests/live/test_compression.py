"""A body is written and compressed once for all who get it, never by the event loop."""

import asyncio
import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from flask import Flask

from live import preparing
from live.application import Application
from models.views import OCCUPANCY, PEOPLE, View
from tests.support.asgi_client import ask, memory_of, until, until_current
from tests.support.gzip_members import only_member
from tests.support.live_apps import run
from tests.support.long_orgs import occupied
from tests.support.world import World
from wire import body
from wire.formats import FORMATS
from wire.rendered import Rendered, Row

AT_ONCE = 100


@pytest.fixture
def compressed_by(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that compress, one entry each time."""
    threads: list[str] = []
    real = body._compress

    def compress(plain: bytes) -> body._Compressed:
        threads.append(threading.current_thread().name)
        return real(plain)

    monkeypatch.setattr(body, "_compress", compress)
    return threads


def by_kind(threads: list[str]) -> list[str]:
    return [name.partition("_")[0] for name in threads]


def test_many_who_ask_first_have_it_compressed_once(
    world: World, app: Flask, compressed_by: list[str]
) -> None:
    maya = occupied(world)
    plain = world.bearer(maya)
    packed = plain | {"Accept-Encoding": "gzip"}

    async def tell(application: Application) -> None:
        without = await ask(application, plain)
        assert compressed_by == []
        answers = await asyncio.gather(*[ask(application, packed) for _ in range(AT_ONCE)])
        assert {only_member(answer.body).body for answer in answers} == {without.body}
        assert by_kind(compressed_by) == ["preparing"]

    run(app, tell)


def test_after_a_change_it_is_compressed_before_anyone_asks(
    world: World, app: Flask, compressed_by: list[str]
) -> None:
    maya = occupied(world)
    packed = world.bearer(maya) | {"Accept-Encoding": "gzip"}

    async def tell(application: Application) -> None:
        first = await ask(application, packed)
        await asyncio.to_thread(world.clock_out, maya)
        await until_current(application, world)
        state = memory_of(application, world).state
        assert state is not None
        assert state.rendered.json_beginning(PEOPLE).is_compressed
        assert not state.rendered.json_beginning(OCCUPANCY).is_compressed
        second = await ask(application, packed | {"If-None-Match": first.tag})
        assert b'"me":null' in only_member(second.body).body
        assert by_kind(compressed_by) == ["preparing", "reader"]

    run(app, tell)


@pytest.fixture
def written_by(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that write the entries of a table, one entry each time."""
    threads: list[str] = []
    real = Rendered.entries

    def entries(self: Rendered, view: View, bound: UUID | None) -> Iterator[Row]:
        threads.append(threading.current_thread().name)
        return real(self, view, bound)

    monkeypatch.setattr(Rendered, "entries", entries)
    return threads


@pytest.mark.parametrize("media_type", [name for name in FORMATS if name != "application/json"])
def test_a_table_is_written_once_for_all_who_see_the_same(
    world: World,
    app: Flask,
    written_by: list[str],
    monkeypatch: pytest.MonkeyPatch,
    media_type: str,
) -> None:
    monkeypatch.setattr(preparing, "KEPT_SECONDS", 60.0)
    maya, ana, ben = occupied(world), world.va(), world.va("Ben Cruz")
    some, other = world.account("Acme"), world.account("Bolt")
    world.clock_in(ben, other)
    bearers = [
        *(world.bearer(each) for each in (maya, ana, ben)),
        *(world.bearer(ana, account=account) for account in (some, other)),
        world.bearer(ben, account=other),
    ]
    asked = [each | {"Accept": media_type, "Accept-Encoding": "gzip"} for each in bearers]

    async def tell(application: Application) -> None:
        await ask(application, bearers[0])
        for _ in range(3):
            answers = await asyncio.gather(*(ask(application, each) for each in asked))
        assert set(by_kind(written_by)) == {"preparing"}
        # Once for admins, for VAs, and for each account that somebody is bound to.
        assert len(written_by) == 4
        by_flask = [await ask(application.flask, each) for each in asked]
        assert [answer.body for answer in answers] == [answer.body for answer in by_flask]
        assert len({answer.body for answer in answers}) == len(asked)

    run(app, tell)


def test_what_few_see_is_forgotten_once_it_was_sent(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "KEPT_SECONDS", 0.01)
    ana, acme = world.va(), world.account()
    bound = world.bearer(ana, account=acme) | {"Accept": "text/csv"}

    async def tell(application: Application) -> None:
        assert (await ask(application, bound)).status == 200
        state = memory_of(application, world).state
        assert state is not None
        await until(lambda: not state.rendered._beginnings_of_bound)

    run(app, tell)
