"""Heartbeats that race the sweep."""

import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from live import sweeper
from models.reach import EVERY_ORG
from services import expiry, presences
from services.change import changing
from tests.support.problems import assert_problem
from tests.support.races import BOUND_SECONDS, Caller, Clock, Threads, at_once
from tests.support.world import World


@pytest.mark.parametrize("edge", ["stale_after", "expire_after"])
def test_heartbeat_racing_the_sweep_agrees_with_the_history(
    edge: str, world: World, servers: list[Flask], clock: Clock
) -> None:
    ana, acme = Caller(world, world.va(), servers[0]), world.account()
    lifetime = timedelta(seconds=getattr(world.settings, edge))
    statuses = set()
    for number in range(20):
        clock.set(clock() + 2 * lifetime, timedelta(milliseconds=1))
        presence = ana.clock_in(acme).json["presence"]
        began, known = world.held()[0].last_heartbeat_at, len(world.events())
        # From all looks after the edge to all before it: what is between is the race.
        clock.set(began + lifetime - timedelta(milliseconds=number % 4), timedelta(milliseconds=1))
        answer, _ = at_once(
            partial(ana.post, "heartbeat", presence_id=presence["id"]),
            partial(sweep, world, clock),
        )
        statuses.add(answer.status_code)
        kinds = world.kinds()[known:]
        if "expire" in kinds:
            assert_problem(answer, 410, "presence_ended", reason="expired")
            assert world.held() == []
        else:
            assert answer.status_code == 204
            assert kinds in ([], ["stale", "resume"])
            assert world.held()[0].stale_since is None
            assert ana.post("clock-out").status_code == 200
    assert statuses == ({204, 410} if edge == "expire_after" else {204})


def sweep(world: World, clock: Clock) -> None:
    """One of this org alone, in its one transaction."""
    with (
        world.database.write(EVERY_ORG) as session,
        changing(session, world.id, settings=world.settings, clock=clock) as change,
    ):
        expiry.sweep(change)


def test_heartbeat_between_the_sweeps_read_and_its_write_saves_the_presence(
    world: World, servers: list[Flask], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time: nothing comes between")
    ana, acme = Caller(world, world.va(), servers[0]), world.account()
    presence = ana.clock_in(acme).json["presence"]
    ended = world.held()[0].last_heartbeat_at + timedelta(seconds=world.settings.expire_after)
    expire = presences.expire

    def expire_after_a_heartbeat(*args: Any) -> Any:
        clock.set(ended - timedelta(milliseconds=1), timedelta())
        (answer,) = at_once(partial(ana.post, "heartbeat", presence_id=presence["id"]))
        assert answer.status_code == 204
        return expire(*args)

    monkeypatch.setattr(presences, "expire", expire_after_a_heartbeat)
    clock.set(ended, timedelta())
    assert sweeper.sweep(servers[1].extensions["presence"]) == (0, 0)
    assert [held.last_heartbeat_at for held in world.held()] == [ended - timedelta(milliseconds=1)]
    assert world.kinds() == ["clock_in"]


def test_heartbeat_that_waited_for_the_sweep_keeps_nothing_locked(
    world: World, servers: list[Flask], clock: Clock
) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite locks no rows")
    ana, acme, bolt = Caller(world, world.va(), servers[0]), world.account(), world.account("Bolt")
    presence = ana.clock_in(acme).json["presence"]
    stale = world.held()[0].last_heartbeat_at + timedelta(seconds=world.settings.stale_after)
    clock.set(stale, timedelta())
    with world.changing(stale) as change:
        assert expiry.sweep(change) == (1, 0)
        threads = Threads(
            partial(ana.post, "heartbeat", presence_id=presence["id"]),
            partial(ana.clock_in, bolt),
        )
        # One for the presence, one for the org, which then wants the presence too.
        until_lock_waits(world, 2)
    heartbeat, switch = threads.join()
    assert switch.status_code == 201
    if heartbeat.status_code != 204:
        assert_problem(heartbeat, 410, "presence_ended", reason="switched")


def until_lock_waits(world: World, count: int) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    give_up = time.monotonic() + BOUND_SECONDS
    while True:
        with world.database.read(EVERY_ORG) as session:  # the owner sees what its backends do
            if session.scalar(waiting) == count:
                return
        assert time.monotonic() < give_up
