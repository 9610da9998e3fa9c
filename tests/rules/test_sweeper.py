"""The sweep: by command, in the background, and by two processes at once."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from context import Context
from live import sweeper
from models.database import Database
from services import expiry
from services.change import Change
from services.times import utc_now
from settings import Settings
from tests.support.databases import opened
from tests.support.sweeping import NOW, WAIT_SECONDS, Clock, keys, occupied
from tests.support.world import World

only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


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


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            OperationalError("SELECT secret", {}, Exception("gone")),
            "The sweep failed and will be tried again: OperationalError",
        ),
        (RuntimeError("odd"), "The sweep failed"),
    ],
)
def test_no_failure_ends_the_background(
    failure: Exception,
    said: str,
    context: Context,
    stop: list[threading.Event],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    again = threading.Event()

    def lost_once(context: Context) -> tuple[int, int]:
        if not caplog.records:
            raise failure
        again.set()
        return 0, 0

    monkeypatch.setattr(sweeper, "sweep", lost_once)
    stop.append(sweeper.start(context))
    assert again.wait(WAIT_SECONDS)
    assert caplog.messages == [said]


@only_postgresql
def test_of_two_sweepers_at_once_one_is_let_in(
    world: World, context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep_org = expiry.sweep
    others: list[tuple[int, int]] = []

    def meanwhile(change: Change) -> tuple[int, int]:
        with opened(context.settings) as database:
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
