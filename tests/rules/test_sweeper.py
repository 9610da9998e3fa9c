"""The sweep: by command, in the background, and by two processes at once."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.exc import OperationalError

from context import Context
from live import sweeper
from models import IdempotencyKey, RateLimit
from models.session import Database
from services import expiry
from services.change import Change
from services.times import utc_now
from settings import Settings
from tests.support.databases import opened
from tests.support.world import World

only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

WAIT_SECONDS = 60
NOW = utc_now()


@pytest.fixture
def context(settings: Settings, database: Database) -> Context:
    return Context(settings, database)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    return Clock(monkeypatch)


class Clock:
    """The sweeper's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr(sweeper, "utc_now", lambda: self.now)

    def at(self, seconds: float) -> None:
        """So long after the clock-in."""
        self.now = NOW + timedelta(seconds=seconds)


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[threading.Event]]:
    """Background sweeps without pauses, stopped at the end."""
    monkeypatch.setattr(sweeper, "INTERVAL_SECONDS", 0.01)
    started: list[threading.Event] = []
    yield started
    for each in started:
        each.set()
    for thread in sweeping():
        thread.join(WAIT_SECONDS)


def sweeping() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sweeper"]


def occupied(world: World, now: datetime = NOW) -> World:
    world.clock_in(world.va(), world.account(), now)
    return world


def keys(world: World) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0


def test_a_presence_becomes_stale_once_then_ends(
    world: World, context: Context, clock: Clock
) -> None:
    occupied(world)
    swept = []
    for seconds in (119.999, 120, 121, 3599.999, 3600, 3601):
        clock.at(seconds)
        swept.append(sweeper.sweep(context))
    assert swept == [(0, 0), (1, 0), (0, 0), (0, 0), (0, 1), (0, 0)]


def test_only_admins_versions_tell_of_a_stale_presence(
    world: World, context: Context, clock: Clock
) -> None:
    start = occupied(world).versions()
    clock.at(120)
    sweeper.sweep(context)
    stale = world.versions()
    clock.at(3600)
    sweeper.sweep(context)
    ended = world.versions()
    assert start[0] < stale[0] < ended[0]
    assert start[1] == stale[1] < ended[1]
    assert start[2] == stale[2] == ended[2]


def test_a_sweep_with_nothing_to_do_raises_no_version(
    world: World, context: Context, clock: Clock
) -> None:
    before = occupied(world).versions()
    clock.at(119)
    sweeper.sweep(context)
    assert world.versions() == before


def test_what_no_sweep_saw_for_long_ends_at_once(
    world: World, context: Context, clock: Clock
) -> None:
    occupied(world)
    clock.at(9000)
    assert sweeper.sweep(context) == (0, 1)


def test_one_sweep_does_all_orgs_that_are_due(
    world: World, database: Database, settings: Settings, context: Context, clock: Clock
) -> None:
    occupied(world)
    occupied(World(database, settings, "Late Bookkeeping"), NOW - timedelta(hours=1))
    idle = World(database, settings, "Idle Bookkeeping")
    before = idle.versions()
    clock.at(120)
    assert sweeper.sweep(context) == (1, 1)
    assert idle.versions() == before


def test_an_org_erased_since_it_was_found_due_stops_no_sweep(
    world: World,
    database: Database,
    settings: Settings,
    context: Context,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    erased = [uuid4()]
    found = expiry.due_orgs
    monkeypatch.setattr(expiry, "due_orgs", lambda *a, **o: erased + found(*a, **o))
    occupied(world)
    clock.at(120)
    assert sweeper.sweep(context) == (1, 0)


def test_an_org_that_cannot_be_swept_keeps_no_other_from_it(
    world: World,
    database: Database,
    settings: Settings,
    context: Context,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sweep_org, other = expiry.sweep, World(database, settings, "Another org")
    occupied(world)
    occupied(other)
    clock.at(120)

    def one_is_locked(change: Change) -> tuple[int, int]:
        if not caplog.records:
            raise OperationalError("SELECT secret", {}, Exception("lock timeout"))
        return sweep_org(change)

    monkeypatch.setattr(expiry, "sweep", one_is_locked)
    assert sweeper.sweep(context) == (1, 0)
    assert caplog.messages == ["Sweeping an org failed and will be tried again: OperationalError"]
    assert sweeper.sweep(context) == (1, 0)


def test_keys_are_kept_for_seven_days(world: World, context: Context, clock: Clock) -> None:
    world.clock_in(world.va(), world.account(), NOW, key="k")
    clock.at(7 * 86400)
    sweeper.delete_old_rows(context)
    assert keys(world) == 1
    clock.at(7 * 86400 + 1)
    sweeper.delete_old_rows(context)
    assert keys(world) == 0


OLD = 20_000


def many_old(world: World) -> None:
    """Keys and limits that nobody needs any more; half of the keys of one moment."""
    ana, then = world.va(), NOW - timedelta(days=30)
    each = {"membership_id": ana.id, "org_id": world.id, "digest": b"d" * 32, "answer": {"a": 1}}
    ages = [timedelta(seconds=max(0, number - OLD // 2)) for number in range(OLD)]
    with world.database.write() as session:
        session.execute(
            insert(IdempotencyKey),
            [{**each, "key": str(n), "created_at": then + age} for n, age in enumerate(ages)],
        )
        session.execute(
            insert(RateLimit),
            [{"key": str(n), "hits": [], "expires_at": then} for n in range(OLD // 10)],
        )


def test_old_rows_go_a_few_at_a_time_and_others_write_between(
    world: World, context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_old(world)
    account, ben = world.account(), world.va("Ben Cruz")
    deleted: list[int] = []
    written: list[int] = []

    def keep(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE"):
            deleted.append(cursor.rowcount)

    with opened(context.settings.database_url) as anothers:  # another process's
        elsewhere = replace(world)
        elsewhere.database, elsewhere.id = anothers, world.id

        def others_write(_seconds: float) -> None:
            elsewhere.clock_in(ben, account)
            written.append(len(deleted))

        monkeypatch.setattr(sweeper, "sleep", others_write)
        event.listen(world.database.engine, "after_cursor_execute", keep)
        while not sweeper.delete_old_rows(context):
            pass
        event.remove(world.database.engine, "after_cursor_execute", keep)
    assert sum(deleted) == OLD + OLD // 10
    assert max(deleted) == sweeper.DELETE_ROWS
    assert written == list(range(1, len(deleted) + 1))
    assert keys(world) == 0


def test_old_rows_are_found_by_their_index(world: World, context: Context) -> None:
    many_old(world)
    database = world.database
    found: list[str] = []
    prefix = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("DELETE FROM") and "sessions" not in statement:  # has no rows
            cursor.execute(prefix + statement, parameters)
            found.append(" ".join(str(each) for row in cursor for each in row))

    event.listen(database.engine, "before_cursor_execute", explain)
    for delete_old in sweeper.DELETERS:
        with database.write() as session:
            if not database.is_sqlite:
                session.execute(text("ANALYZE"))  # else it plans for what other tests left
            delete_old(session, now=NOW, most=sweeper.DELETE_ROWS)
    event.remove(database.engine, "before_cursor_execute", explain)
    assert len(found) == 2
    for plan in found:
        assert "Seq Scan" not in plan
        assert "SCAN" not in plan.replace("SCAN CONSTANT", "")
        assert "TEMP B-TREE" not in plan


def test_the_background_sweeps_until_it_is_stopped(
    world: World, context: Context, stop: list[threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied(world, utc_now() - timedelta(hours=2))
    world.clock_in(world.va("Ben Cruz"), world.account("Old"), NOW - timedelta(days=8), key="k")
    done = threading.Event()
    delete = sweeper.delete_old_rows

    def delete_and_tell(context: Context) -> bool:
        is_all = delete(context)
        done.set()
        return is_all

    monkeypatch.setattr(sweeper, "delete_old_rows", delete_and_tell)
    stop.append(sweeper.start(context))
    assert done.wait(WAIT_SECONDS)
    (thread,) = sweeping()
    stop[0].set()
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive()
    assert sweeper.sweep(context) == (0, 0)
    assert keys(world) == 0


def test_a_lost_database_does_not_end_the_background(
    context: Context,
    stop: list[threading.Event],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    again = threading.Event()

    def lost_once(context: Context) -> tuple[int, int]:
        if not caplog.records:
            raise OperationalError("SELECT secret", {}, Exception("gone"))
        again.set()
        return 0, 0

    monkeypatch.setattr(sweeper, "sweep", lost_once)
    stop.append(sweeper.start(context))
    assert again.wait(WAIT_SECONDS)
    assert caplog.messages == ["The sweep failed and will be tried again: OperationalError"]


@only_postgresql
def test_of_two_sweepers_at_once_one_is_let_in(
    world: World, context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep_org = expiry.sweep
    others: list[tuple[int, int]] = []

    def meanwhile(change: Change) -> tuple[int, int]:
        with opened(context.settings.database_url) as database:
            others.append(sweeper.sweep(Context(context.settings, database)))
        return sweep_org(change)

    occupied(world)
    clock.at(120)
    with monkeypatch.context() as patch:
        patch.setattr(expiry, "sweep", meanwhile)
        assert sweeper.sweep(context) == (1, 0)
    assert others == [(0, 0)]
    clock.at(3600)
    assert sweeper.sweep(context) == (0, 1)
