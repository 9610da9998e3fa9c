"""Reading orgs into memory: in turn, a few at a time, and as often as they change."""

import asyncio
import threading
import time
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from live import watch_cache
from live.application import Application
from live.org_state import read
from tests.support.asgi_client import ask
from tests.support.live_apps import run_without_feed
from tests.support.world import World

SECONDS = 0.1  # that a read takes


def test_an_org_may_wait_for_its_turn_for_longer_than_a_database_may_be_silent(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_read(*arguments: Any) -> Any:
        time.sleep(SECONDS)  # as a busy database
        return read(*arguments)

    async def tell(application: Application) -> None:
        now = monotonic()
        orgs = [uuid4() for _ in range(8 * watch_cache.READERS)]
        await asyncio.gather(*(application.cache.read_fresh(id_, since=now) for id_ in orgs))
        assert monotonic() - now >= 8 * SECONDS

    monkeypatch.setattr(watch_cache, "read", slow_read)
    monkeypatch.setattr(watch_cache, "READ_TIMEOUT_SECONDS", 4 * SECONDS)
    run_without_feed(app, tell)


def test_an_org_that_changes_during_each_read_stays_in_memory(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read vouches for what was announced before it, and so for a moment longer."""
    monkeypatch.setattr(watch_cache, "READ_EVERY_SECONDS", 0.0)
    bearer = world.bearer(world.va())

    async def tell(application: Application) -> None:
        loop, cache = asyncio.get_running_loop(), application.cache
        await ask(application, bearer)
        org = cache.orgs[world.id]

        def read_as_it_changes(*arguments: Any) -> Any:
            is_announced = threading.Event()

            def announce() -> None:
                cache.invalidate([world.id])
                is_announced.set()

            loop.call_soon_threadsafe(announce)
            is_announced.wait(10)
            return read(*arguments)

        monkeypatch.setattr(watch_cache, "read", read_as_it_changes)
        cache.invalidate([world.id])
        for _ in range(3):
            fresh_until = org.fresh_until
            await cache.read_fresh(world.id, since=monotonic())
            assert fresh_until < org.fresh_until <= monotonic() + watch_cache.LATE_SECONDS
        monkeypatch.setattr(watch_cache, "read", read)
        await cache.read_fresh(world.id, since=monotonic())

    run_without_feed(app, tell)
