"""What breaks around the server, and what its clients then see: never the past as the present."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from dev_postgres import own_postgres
from models import Account
from models.schema import channel_of
from tests.support.pgbouncer import running_pgbouncer
from tests.support.pollers import Clock, Crowd, Poller
from tests.support.stage import Stage, is_alive, paused, staged, staged_on, wait_until
from tests.support.world import World, ago

LISTENING, POLLING = (2, 0), (0, 2)
SWALLOWED = "Notifications do not arrive"


def crowd_of(stage: Stage, size: int = 12) -> Crowd:
    """Pollers of both views, and an admin and a VA who clock in and out all day."""
    world, url = stage.world, stage.server.url
    admin, va = world.admin(), world.va()
    tokens = {"admin": world.token(admin), "va": world.token(va)}
    crowd = Crowd()
    for number in range(size):
        view = ("admin", "va")[number % 2]
        crowd.pollers.append(Poller(url, tokens[view], view, every_seconds=0.1))
    for member in (world.admin("Tom Okafor"), world.va("Ben Cruz")):
        account = world.account(f"Where {member.display_name} works")
        crowd.clocks.append(Clock(url, world.token(member), member.role, str(account.id)))
    return crowd


def assert_kept_well(crowd: Crowd) -> None:
    """Nobody was told of the past as the present, or got no answer."""
    crowd.assert_nothing_went_back()
    crowd.assert_nothing_was_late()
    assert crowd.lost == []
    crowd.assert_nothing_was_cut()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as stage:
        wait_until(lambda: stage.feeds == LISTENING)
        yield stage


def test_terminated_listeners_are_missed_by_nobody(stage: Stage) -> None:
    with crowd_of(stage) as crowd:
        for _ in range(3):
            time.sleep(1)
            wait_until(lambda: len(stage.listeners()) == 2)
            before = stage.listeners()
            stage.terminate(before)
            wait_until(lambda gone=before: len(stage.listeners() - gone) == 2)
        time.sleep(1)
        wait_until(lambda: stage.feeds == LISTENING and stage.is_ready)
    assert_kept_well(crowd)
    assert crowd.statuses == {200, 304}
    assert all(not clock.unavailable for clock in crowd.clocks)


def test_a_change_between_two_listeners_is_not_missed(stage: Stage) -> None:
    world = stage.world
    token = world.token(world.admin())
    pollers = [Poller(stage.server.url, token, "admin") for _ in stage.workers]
    with Crowd(idle=pollers) as crowd:
        for poller, other in zip(pollers, reversed(stage.workers), strict=True):
            with paused(other):
                crowd.do(poller.poll())
        for _ in range(15):
            gone = stage.listeners()
            with world.changing() as change:
                change.accounts_changed()
                stage.terminate(gone)
                wait_until(lambda gone=gone: stage.listeners() - gone)
            version = world.org().version
            wait_until(lambda gone=gone: len(stage.listeners() - gone) == 2)
            for poller in pollers:
                wait_until(lambda poller=poller, version=version: polled(crowd, poller) >= version)
    assert all(not poller.lost and poller.connection.opened == 1 for poller in pollers)


def polled(crowd: Crowd, poller: Poller) -> int:
    """The version that it has seen when it has polled once more."""
    crowd.do(poller.poll())
    return poller.polls[-1].version


def test_a_frozen_listener_vouches_for_nothing(stage: Stage) -> None:
    world = stage.world
    waiting = Poller(stage.server.url, world.token(world.admin("Ella Ramos")), "admin")
    account = world.account()
    with crowd_of(stage) as crowd:
        time.sleep(1)
        with paused(*stage.listeners()):
            time.sleep(6)
        time.sleep(1)
        wait_until(lambda: stage.is_ready)
    assert_kept_well(crowd)
    assert crowd.statuses == {200, 304}
    # Where all clients wait, no poll asks: the change must come by itself. A busy machine may be
    # late once.
    with Crowd(idle=[waiting]) as alone:
        assert any(seconds_until_told(stage, alone, account, f"Acme {n}") < 3 for n in range(3))


def seconds_until_told(stage: Stage, alone: Crowd, account: Account, name: str) -> float:
    """How long one who waits waits for a change, where PostgreSQL tells nobody of it."""
    (waiting,) = alone.idle
    wait_until(lambda: stage.feeds == LISTENING)
    alone.do(waiting.poll())
    with paused(*stage.listeners()):
        held = alone.start(waiting.poll(prefer="wait=30"))
        time.sleep(1)
        stage.world.rename_account(account, name)
        changed_at = monotonic()
        held.result(60)
    assert waiting.polls[-1].status == 200
    return waiting.polls[-1].answered_at - changed_at


def test_strange_notifications_end_no_listener(stage: Stage) -> None:
    before = stage.listeners()
    channel = channel_of(stage.world.database.engine)
    stage.query(f"SELECT pg_notify('{channel}', 'hello')")
    with crowd_of(stage) as crowd:
        time.sleep(4)
    assert_kept_well(crowd)
    assert stage.listeners() == before
    wait_until(lambda: stage.is_ready)


def test_a_database_that_is_away_and_comes_back(stage: Stage) -> None:
    quiet = World(stage.world.database, stage.world.settings, "Quiet org")
    waiting = Poller(stage.server.url, quiet.token(quiet.va()), "va")
    with crowd_of(stage) as crowd, Crowd(idle=[waiting]) as alone:
        time.sleep(2)
        alone.do(waiting.poll())
        held = alone.start(waiting.poll(prefer="wait=30"))
        stopped_at = monotonic()
        stage.postgres.stop()
        away_at = monotonic()
        time.sleep(5)
        assert not stage.is_ready
        # Who waits is told, instead of being left to rely on what nobody can vouch for.
        held.result(20)
        assert waiting.polls[-1].status == 503
        starting_at = monotonic()
        stage.postgres.start()
        back_at = monotonic()
        wait_until(lambda: stage.is_ready and stage.feeds == LISTENING)
        recovered_at = monotonic()
        time.sleep(2)
        wait_until(
            lambda: all(clock.made and clock.made[-1][0] > recovered_at for clock in crowd.clocks)
        )
    assert_kept_well(crowd)
    assert crowd.statuses == {200, 304, 503}
    for poll in crowd.polls:
        if poll.status == 503:
            assert stopped_at < poll.answered_at
            assert poll.sent_at < back_at + 3
        elif away_at + 3 < poll.sent_at:
            # No lease lasts so long.
            assert poll.answered_at > starting_at
    refusals = [poll.answer for poll in crowd.polls if poll.status == 503]
    refusals += [answer for clock in crowd.clocks for answer in clock.unavailable]
    for answer in refusals:
        assert answer.json["code"] == "database_unavailable"
        assert int(answer.headers["retry-after"]) > 0
    # The sweep goes on, too: nobody has heard of this presence for ten minutes.
    world = stage.world
    world.database.close()
    world.clock_in(world.va("Dino Lim"), world.account("Left alone"), ago(600))
    wait_until(lambda: "stale" in world.kinds())
    stage.assert_quiet()


def test_a_killed_worker_takes_only_what_it_was_answering(stage: Stage) -> None:
    everyone = crowd_of(stage)
    doomed, other = stage.workers
    doomed_ones, others = everyone.pollers[:6], everyone.pollers[6:]
    quiet = World(stage.world.database, stage.world.settings, "Quiet Bookkeeping")
    waiter = Poller(stage.server.url, quiet.token(quiet.va()), "va")
    with Crowd(idle=[*everyone.pollers, waiter]) as crowd:
        for pollers, not_here in (([*doomed_ones, waiter], other), (others, doomed)):
            with paused(not_here):
                for poller in pollers:
                    crowd.do(poller.poll())
        held = crowd.start(waiter.poll(prefer="wait=30"))
        time.sleep(1)
        crowd.join(everyone)
        time.sleep(2)
        assert not held.done()
        killed_at = monotonic()
        os.kill(doomed, signal.SIGKILL)
        held.result(20)  # long before the end of its wait
        wait_until(lambda: not is_alive(doomed))
        gone_at = monotonic()
        wait_until(lambda: len(stage.workers) == 2)
        wait_until(lambda: stage.feeds == LISTENING)
        time.sleep(3)
    everyone.assert_nothing_went_back()
    everyone.assert_nothing_was_late()
    assert everyone.statuses == {200, 304}
    for poller in others:
        assert (poller.lost, poller.connection.opened) == ([], 1)
    for poller in [*doomed_ones, waiter]:
        assert len(poller.lost) + len(poller.connection.cut) == 1
    for lost in everyone.lost:
        # It was under way when the worker ended.
        assert lost.sent_at < gone_at
        assert killed_at < lost.lost_at


def test_hup_under_load_is_noticed_by_nobody(stage: Stage) -> None:
    with crowd_of(stage) as crowd:
        time.sleep(1)
        before = stage.workers
        stage.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not any(map(is_alive, before)) and len(stage.workers) == 2)
        wait_until(lambda: stage.feeds == LISTENING)
        time.sleep(3)
    assert_kept_well(crowd)
    assert crowd.statuses == {200, 304}
    assert all(not clock.unavailable for clock in crowd.clocks)
    stage.assert_quiet()


@pytest.mark.parametrize("listens_directly", [False, True], ids=["alone", "with-listen-url"])
def test_a_pooler_of_transactions(tmp_path: Path, listens_directly: bool) -> None:
    with own_postgres() as postgres, running_pgbouncer(postgres) as pooler:
        settings = {"DATABASE_URL": pooler.url}
        if listens_directly:
            settings["PRESENCE_LISTEN_URL"] = postgres.url
        kind = LISTENING if listens_directly else POLLING
        with staged_on(postgres, tmp_path, **settings) as stage, crowd_of(stage) as crowd:
            # The notifications are waited for before they are given up.
            warnings = 0 if listens_directly else 2
            wait_until(lambda: stage.server.output.count(SWALLOWED) == warnings)
            wait_until(lambda: stage.feeds == kind)
            time.sleep(5)
            wait_until(lambda: stage.is_ready)
        assert_kept_well(crowd)
        assert crowd.statuses == {200, 304}
        assert all(not clock.unavailable for clock in crowd.clocks)
        # Said once by each worker, and nothing else is said.
        assert stage.server.output.count(SWALLOWED) == warnings
        assert stage.server.output.lower().count("warning") == warnings
        stage.assert_quiet()
        logs = pooler.output + postgres.log.read_text()
        for word in ("ERROR", "unsupported", "not supported"):
            assert word not in logs, logs
        # A pooled connection that goes on listening brings changes to who did not ask.
        assert pooler.output.count("when not linked") <= 2
