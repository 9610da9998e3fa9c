"""How memory learns of changes, how far it is believed, and how much of it is kept."""

import asyncio
import gc
import logging
import threading
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count, islice
from time import monotonic
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from flask import Flask
from psycopg2.extensions import Notify
from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError

from feeds import notifications
from feeds.feed import LEASE_SECONDS
from feeds.version_poller import VersionPoller
from live import token_cache, watch_cache
from live.application import Application
from live.cached_poll import CachedPoll, PollAnswer
from live.org_state import OrgState, read
from live.token_cache import Bearer, TokenCache
from live.watch_cache import CachedOrg
from models import MemberSession, Membership
from models.session import Database
from models.versions import Versions
from services import sessions
from services.errors import NotAuthenticated
from services.times import utc_now
from tests.support.asgi_client import (
    ask,
    counting,
    lifespan,
    memory_of,
    started,
    until,
    until_answered,
)
from tests.support.world import World

KEEPERS = (CachedPoll, PollAnswer, Bearer, CachedOrg)
LOOKS = 3  # of the poller, until a change is in memory


@pytest.fixture(autouse=True)
def unswept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.sweeper.start", lambda _context: threading.Event())


@pytest.fixture
def only_postgresql(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite notifies nobody")


def run(app: Flask, tell: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        async with started(app) as application:
            await tell(application)

    asyncio.run(told())


def run_without_feed(app: Flask, tell: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        application = Application(app)
        application.cache.lease_until = monotonic() + 3600
        await tell(application)

    asyncio.run(told())


def poller_of(application: Application) -> VersionPoller:
    (poller,) = (feed for feed in application.feeds if isinstance(feed, VersionPoller))
    return poller


async def look(application: Application, world: World) -> None:
    """One look, and the read that it leads to."""
    await poller_of(application).look(application.cache)
    await until(lambda: memory_of(application, world).reading is None)


def is_current(application: Application, world: World) -> bool:
    state = memory_of(application, world).state
    return state is not None and state.versions == Versions.of(world.org())


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


def failing(*_: Any) -> Any:
    raise OperationalError("away", None, Exception())


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


def test_tokens_and_refusals_are_bounded_in_bytes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    raws = [world.token(world.va(), ttl_seconds=100 + number) for number in range(10)]
    monkeypatch.setattr(token_cache, "BEARERS_BYTES", 3 * (len(raws[0]) + token_cache.BEARER_BYTES))
    monkeypatch.setattr(token_cache, "REFUSALS_BYTES", 4 * (len("x0") + token_cache.REFUSAL_BYTES))
    remembered = TokenCache(world.settings)
    for number, raw in enumerate(raws):
        header = f"Bearer {raw}".encode()
        assert remembered.bearer(header) is remembered.bearer(header) is remembered.known(header)
        with pytest.raises(NotAuthenticated):
            remembered.bearer(b"Bearer x%d" % number)
    assert (len(remembered._bearers), len(remembered._refusals)) == (3, 4)


def spellings(raw: str) -> Iterator[bytes]:
    """Headers without end that all carry the same token."""
    for number in count():
        word = "".join(
            letter.upper() if number >> place & 1 else letter
            for place, letter in enumerate("bearer")
        )
        yield f"{word} {' ' * (number % 15_000)}{raw}{' ' * (number % 700)}".encode()


def test_all_spellings_of_a_token_are_one(world: World) -> None:
    raw, remembered = world.token(world.va()), TokenCache(world.settings)
    found = {id(remembered.bearer(header)) for header in islice(spellings(raw), 2_000)}
    assert (len(found), len(remembered._bearers)) == (1, 1)
    for header in islice(spellings("no.such.token"), 2_000):
        with pytest.raises(NotAuthenticated):
            remembered.bearer(header)
    assert len(remembered._refusals) == 1


def test_no_long_token_is_remembered(world: World) -> None:
    remembered = TokenCache(world.settings)
    for number in range(10):
        with pytest.raises(NotAuthenticated):
            remembered.bearer(b"Bearer %d" % number + b"x" * token_cache.TOKEN_BYTES)
    assert len(remembered._refusals) == 0


def test_what_strangers_and_members_send_leaves_nothing_behind(world: World, app: Flask) -> None:
    """Headers of 15 KB in every spelling, from as long an origin, of members and of nobody."""
    raw, long = world.token(world.admin()), "x" * 7_000

    async def tell(application: Application) -> None:
        async def ask_all(number: int, header: bytes) -> None:
            asked = {"authorization": header.decode(), "origin": f"{number}{long}"}
            await ask(application, asked)

        async def attack(times: int) -> None:
            for number, header in enumerate(islice(spellings(raw), times)):
                await ask_all(number, header[:8_000] + raw.encode())
                await ask_all(number, b"Bearer " + b"%d" % number + b"y" * 7_000)

        await attack(300)  # what a process needs anyway, and the caches that are full then
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            await attack(500)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 500_000

    run_without_feed(app, tell)


def test_a_poll_with_long_headers_is_answered_as_any_other(world: World, app: Flask) -> None:
    bearer = world.bearer(world.va())

    async def tell(application: Application) -> None:
        tag = (await ask(application, bearer)).tag
        long = bearer | {"if-none-match": tag, "prefer": "wait=1", "origin": "x" * 5_000}
        for _ in range(2):
            answered = await ask(application, long)
            assert (answered.status, answered.header("preference-applied")) == (304, "wait=1")

    run_without_feed(app, tell)


def test_a_refusal_keeps_no_frames(world: World) -> None:
    remembered, depths = TokenCache(world.settings), []
    for _ in range(3):
        with pytest.raises(NotAuthenticated) as refused:
            remembered.bearer(b"Bearer nonsense")
        depths.append(len(refused.traceback))
    assert depths[1] == depths[2] <= depths[0]


def test_an_unwatched_org_is_dropped_and_read_again(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        tag = (await ask(application, bearer)).tag
        asked = bearer | {"if-none-match": tag}
        for _ in range(2):
            assert (await ask(application, asked)).status == 304
        org = memory_of(application, world)
        application.cache.drop_unwatched()
        assert application.cache.orgs == {world.id: org}
        org.polled_at -= watch_cache.WATCHED_SECONDS + 1
        application.cache.drop_unwatched()
        assert (application.cache.orgs, org.state) == ({}, None)
        world.clock_in(ana, acme)
        assert (await ask(application, asked)).status == 200

    run_without_feed(app, tell)


def test_what_was_read_is_freed_when_it_is_read_anew(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cached polls and tokens outlive it, and must not keep it."""
    monkeypatch.setattr(watch_cache, "READ_EVERY_SECONDS", 0.0)
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        asked = bearer | {"if-none-match": (await ask(application, bearer)).tag}
        assert (await ask(application, asked)).status == 304
        old = memory_of(application, world).state
        assert old is not None
        world.clock_in(ana, acme)
        application.cache.invalidate([world.id])
        await until(lambda: memory_of(application, world).state is not old)
        gc.collect()
        keepers = [each for each in gc.get_referrers(old) if isinstance(each, KEEPERS)]
        assert keepers == []

    run_without_feed(app, tell)


def test_what_memory_knows_of_ended_sessions_is_bounded(world: World, database: Database) -> None:
    """As many as a member can have whose tokens have not run out: the worst of one member."""
    ana, now = world.va(), utc_now()
    read(database, world.id, None, world.settings)
    row = {"org_id": world.id, "membership_id": ana.id, "created_at": now, "ended_at": now}
    row |= {"renewable_until": now, "ended_reason": "signed_out"}
    row["expires_at"] = now + timedelta(hours=12)
    with database.write() as session:
        session.execute(
            insert(MemberSession), [{"id": uuid4(), **row} for _ in range(sessions.MOST_UNEXPIRED)]
        )
    tracemalloc.start()
    try:
        state = read(database, world.id, None, world.settings)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert state is not None
    assert len(state.ended) == sessions.MOST_UNEXPIRED
    assert held < 2_000_000
    assert len(read_after_one_more(world, ana).ended) == 0


def read_after_one_more(world: World, ana: Membership) -> OrgState:
    """Whoever begins one more ends them all by the generation: nothing is to be known of them."""
    with world.changing_member(ana) as (change, found):
        sessions.begin(change, found)
    state = read(world.database, world.id, None, world.settings)
    assert state is not None
    assert state.members[ana.id].token_generation == 1
    return state


def test_a_session_that_has_run_out_is_forgotten(world: World, database: Database) -> None:
    ana = world.va()
    world.sign_out(ana)
    state = read(database, world.id, None, world.settings)
    assert state is not None
    assert list(state.ended.values()) == ["signed_out"]
    with database.write() as session:
        session.execute(update(MemberSession).values(expires_at=utc_now()))
    state = read(database, world.id, None, world.settings)
    assert state is not None
    assert state.ended == {}
