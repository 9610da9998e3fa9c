"""An exception that nobody expected ends neither a feed nor the tick, nor holds up a stop."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
from flask import Flask

import feeds
from feeds.notifications import Notifications
from feeds.version_poller import VersionPoller
from live import keep_running
from live.application import Application
from live.watch_cache import WatchCache
from tests.support.asgi_client import lifespan, until
from tests.support.live_apps import run
from tests.support.world import World


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_running, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("live.application.TICK_SECONDS", 0.01)
    monkeypatch.setattr(feeds, "FEEDS", (VersionPoller,))


def fails_first(then: Callable[..., Any]) -> Callable[..., Any]:
    failures = [RuntimeError("odd")]

    def run(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return then(*arguments)

    return run


def test_the_lease_comes_back_after_a_failure_of_the_poller(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(VersionPoller, "_read", fails_first(VersionPoller._read))

    async def tell(application: Application) -> None:
        await until(lambda: application.cache.lease_until > monotonic())

    run(app, tell)
    assert "The change feed failed" in caplog.messages


def test_the_tick_goes_on_after_a_failure(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dropped: list[WatchCache] = []
    monkeypatch.setattr(WatchCache, "drop_unwatched", fails_first(dropped.append))

    async def tell(_: Application) -> None:
        await until(lambda: bool(dropped))

    run(app, tell)
    assert "The tick failed" in caplog.messages


def test_the_listener_goes_on_after_a_failure(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("feeds.notifications.RETRY_SECONDS", (0.01, 0.01))
    if world.database.is_sqlite:
        pytest.skip("SQLite notifies nobody")
    listener = Notifications(world.database, world.settings)

    def lost() -> None:
        listener._stop.set()
        raise OSError

    monkeypatch.setattr(listener, "_connected", fails_first(lost))
    listener._run()
    assert caplog.messages == ["The change feed failed", "The change feed was lost: OSError"]


def test_a_feed_that_fails_as_it_ends_does_not_hold_up_the_stop(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hear(*_: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("odd")

    monkeypatch.setattr(VersionPoller, "hear", hear)
    closed: list[Application] = []

    async def tell() -> None:
        application = Application(app)
        monkeypatch.setattr(application.cache, "close", lambda: closed.append(application))
        async with lifespan(application):
            await asyncio.sleep(0)  # the tasks begin

    asyncio.run(tell())
    assert len(closed) == 1
    assert "The change feed failed" in caplog.messages
