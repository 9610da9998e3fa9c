"""A body is compressed once for all who get it, by the reading thread, and only if one asks."""

import asyncio
import threading

import pytest
from flask import Flask

from live.application import Application
from models.views import OCCUPANCY, PEOPLE
from tests.support.asgi_client import ask, memory_of, until_current
from tests.support.gzip_members import only_member
from tests.support.live_apps import run
from tests.support.long_orgs import occupied
from tests.support.world import World
from wire import body

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
        assert [name.startswith("reader") for name in compressed_by] == [True]

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
        assert [name.startswith("reader") for name in compressed_by] == [True, True]

    run(app, tell)
