"""How memory learns of changes, and how far it is believed."""

import asyncio
import logging
import threading
from contextlib import closing
from time import monotonic
from typing import Any

import psycopg2
import pytest
from flask import Flask
from psycopg2.extensions import Notify
from sqlalchemy.exc import OperationalError

from feeds import notifications
from feeds.feed import LEASE_SECONDS
from live import watch_cache
from live.application import Application
from live.org_state import read
from models.database import Database
from tests.support.asgi_client import ask, counting, lifespan, memory_of, until, until_answered
from tests.support.live_apps import (
    LOOKS,
    failing,
    is_current,
    look,
    poller_of,
    run,
    run_without_feed,
)
from tests.support.world import World


@pytest.fixture
def only_postgresql(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite notifies nobody")


def test_the_poller_sees_every_change_of_others(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_cache, "READ_EVERY_SECONDS", 0.0)
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        await ask(application, bearer)
        for act in (
            lambda: world.clock_in(ana, acme),
            lambda: world.rename_account(acme, "Heron"),
            lambda: world.revoke_tokens(ana),
            lambda: world.clock_out(ana),
        ):
            act()
            for _ in range(LOOKS):
                looked_at = monotonic()
                await look(application, world)
            assert is_current(application, world)
            assert application.cache.lease_until >= looked_at + LEASE_SECONDS

    run_without_feed(app, tell)


def test_a_commit_during_a_read_is_not_missed(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read began before the commit, and ends after the poller saw the commit."""
    monkeypatch.setattr(watch_cache, "READ_EVERY_SECONDS", 0.0)
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)
    has_read, may_end = threading.Event(), threading.Event()

    def slow_read(*arguments: Any) -> Any:
        found = read(*arguments)
        has_read.set()
        may_end.wait(10)
        return found

    async def tell(application: Application) -> None:
        await ask(application, bearer)
        await look(application, world)
        monkeypatch.setattr(watch_cache, "read", slow_read)
        application.cache.invalidate([world.id])
        await until(has_read.is_set)
        world.clock_in(ana, acme)
        await poller_of(application).look(application.cache)
        monkeypatch.setattr(watch_cache, "read", read)
        may_end.set()
        await until(lambda: memory_of(application, world).reading is None)
        for _ in range(LOOKS):
            await look(application, world)
        assert is_current(application, world)

    run_without_feed(app, tell)


def test_a_look_that_fails_forgets_nothing(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()
    bearer, database = world.bearer(ana), app.extensions["presence"].database

    async def tell(application: Application) -> None:
        await ask(application, bearer)
        await look(application, world)
        lease = application.cache.lease_until
        world.clock_in(ana, acme)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "read", failing)
            await poller_of(application).look(application.cache)
        assert application.cache.lease_until == lease
        await look(application, world)
        assert is_current(application, world)

    run_without_feed(app, tell)


def test_a_change_that_is_heard_of_late_is_read_before_memory_is_believed(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process stood still for longer than its lease; then the feed's words come at once."""
    monkeypatch.setattr(watch_cache, "READ_EVERY_SECONDS", 0.0)
    bearer = world.bearer(world.va())

    async def tell(application: Application) -> None:
        await ask(application, bearer)
        memory = memory_of(application, world)
        application.cache.lease_until = monotonic() - watch_cache.LATE_SECONDS
        application.cache.invalidate([world.id])
        application.cache.lease_until = monotonic() + 3600
        assert not application.cache.is_fresh(memory, monotonic())
        await until(lambda: memory.reading is None)
        assert application.cache.is_fresh(memory, monotonic())

    run_without_feed(app, tell)


@pytest.mark.usefixtures("only_postgresql")
def test_a_change_is_announced(world: World, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    bearer = world.bearer(world.va())

    async def tell(application: Application) -> None:
        assert application.feed.kind == "listen"
        monkeypatch.setattr(poller_of(application), "look", failing)
        await ask(application, bearer)
        world.account()
        await until(lambda: is_current(application, world), 1.0)

    run(app, tell)


@pytest.mark.usefixtures("only_postgresql")
def test_notifications_that_are_swallowed_are_polled_for(
    world: World,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, seconds in (("TEST_SECONDS", 0.1), ("LOST_RETRY_SECONDS", 0.1)):
        monkeypatch.setattr(notifications, name, seconds)
    arrived, tries = notifications._arrived, []

    def swallowed(connection: Any, seconds: float) -> list[Notify]:
        tries.append(arrived(connection, seconds))
        return []

    monkeypatch.setattr(notifications, "_arrived", swallowed)
    bearer = world.bearer(world.va())

    def logged(level: int) -> list[str]:
        found = [each for each in caplog.records if each.name == "presence.feed"]
        return [each.getMessage() for each in found if each.levelno == level]

    async def tell() -> None:
        caplog.set_level(logging.INFO, "presence.feed")
        async with lifespan(Application(app)) as application:
            await until(lambda: application.cache.lease_until > monotonic())
            await ask(application, bearer)
            await until(lambda: len(tries) > 5)
            assert application.feed.kind == "poll"
            world.account()
            await until(lambda: is_current(application, world), 1.0)
            (warning,) = logged(logging.WARNING)
            assert "PRESENCE_LISTEN_URL" in warning
            monkeypatch.setattr(notifications, "_arrived", arrived)
            await until(lambda: application.feed.kind == "listen")
            assert logged(logging.INFO) == ["Notifications arrive again."]

    asyncio.run(tell())


@pytest.mark.usefixtures("only_postgresql")
def test_a_listener_that_is_killed_listens_again_and_misses_nothing(
    world: World, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    bearer = world.bearer(world.va())
    url = world.settings.listen_dsn

    async def tell(application: Application) -> None:
        await ask(application, bearer)
        with closing(psycopg2.connect(url)) as killer, killer.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'presence listener' AND datname = current_database()"
            )
        world.account()  # nobody hears of it
        await until(lambda: "The change feed was lost" in caplog.text)
        await until(lambda: is_current(application, world), 3.0)
        await until(lambda: application.feed.kind == "listen")
        world.account("Blue Heron Bakery")
        await until(lambda: is_current(application, world), 1.0)

    run(app, tell)


def test_without_a_lease_polls_share_a_look_at_the_database(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()
    bearer, database = world.bearer(ana), app.extensions["presence"].database

    async def tell(application: Application) -> None:
        tag = (await ask(application, bearer)).tag
        application.cache.lease_until = 0.0
        await asyncio.sleep(watch_cache.READ_EVERY_SECONDS)
        asked = bearer | {"if-none-match": tag}
        with counting(database) as statements:
            answers = await asyncio.gather(*(ask(application, asked) for _ in range(100)))
        assert {each.status for each in answers} == {304}
        assert len(statements) == 1
        world.clock_in(ana, acme)
        seen = await until_answered(
            lambda answered: answered.status != 304, lambda: ask(application, asked), 1.0
        )
        assert seen.json["me"]["account_id"] == str(acme.id)

    run_without_feed(app, tell)


def test_a_database_that_is_away_is_a_503_in_time(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    bearer = world.bearer(world.va())
    may_end = threading.Event()

    def silent(*_: Any) -> None:
        may_end.wait(60)
        raise OperationalError("away", None, Exception())

    async def tell(application: Application) -> None:
        tag = (await ask(application, bearer)).tag
        application.cache.lease_until = 0.0
        await asyncio.sleep(watch_cache.READ_EVERY_SECONDS)
        monkeypatch.setattr(watch_cache, "READ_TIMEOUT_SECONDS", 0.2)
        for away in (failing, silent):
            monkeypatch.setattr(watch_cache, "read", away)
            begun = monotonic()
            for asked in (bearer, bearer | {"if-none-match": tag}):
                answered = await ask(application, asked)
                assert (answered.status, answered.json["code"]) == (503, "database_unavailable")
                assert answered.header("retry-after") == "2"
            assert monotonic() - begun < 8.0  # of 60
        monkeypatch.setattr(watch_cache, "read", read)
        may_end.set()
        await until_answered(
            lambda answered: answered.status == 304,
            lambda: ask(application, bearer | {"if-none-match": tag}),
        )

    run_without_feed(app, tell)
