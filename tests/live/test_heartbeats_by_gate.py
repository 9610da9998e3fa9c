"""Heartbeats that memory is sure of: written together, remembered for a moment, never in doubt."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, update

from live import heartbeat_batches
from live.application import Application
from live.heartbeat_outcome import Outcome
from models import Presence
from models.reach import EVERY_ORG
from services.times import utc_now
from tests.support.asgi_client import counting, memory_of, until, until_current
from tests.support.beats import beat, became, remember
from tests.support.live_apps import run, run_without_feed
from tests.support.world import World, ago

MEMBERS = 10


@contextmanager
def commits(app: Flask) -> Iterator[list[str]]:
    """The transactions that are committed meanwhile."""
    found: list[str] = []
    engine = app.extensions["presence"].database.engine

    def keep(_connection: Any) -> None:
        found.append("commit")

    event.listen(engine, "commit", keep)
    try:
        yield found
    finally:
        event.remove(engine, "commit", keep)


def test_heartbeats_of_many_orgs_are_one_statement_and_soon_after_none(
    world: World, app: Flask
) -> None:
    worlds = [world, World(world.database, world.settings, "Another org")]
    members = [(each, each.va(f"VA {n}")) for each in worlds for n in range(MEMBERS)]
    held = [each.clock_in(ana, each.account(ana.display_name), ago(60)) for each, ana in members]
    bearers = [each.bearer(ana) for each, ana in members]
    versions = [each.versions() for each in worlds]
    database = app.extensions["presence"].database

    async def tell(application: Application) -> None:
        for each, bearer in zip(worlds, bearers[::MEMBERS], strict=True):
            await remember(application, each, bearer)

        async def all_beat() -> set[int]:
            beats = [
                beat(application, bearer, one.presence_id)
                for bearer, one in zip(bearers, held, strict=True)
            ]
            return {answered.status for answered in await asyncio.gather(*beats)}

        with counting(database) as statements, became(application) as outcomes:
            assert await all_beat() == {204}
        assert outcomes == {Outcome.COMMITTED: len(members)}
        written = [each for each in statements if "heartbeat" in each]
        assert len(written) == 1, statements
        with counting(database) as statements, became(application) as outcomes:
            assert await all_beat() == {204}
        assert outcomes == {Outcome.WRITTEN_LATELY: len(members)}
        assert [each for each in statements if "heartbeat" in each] == []

    run(app, tell)
    for each in worlds:
        assert all(ago(30) < one.last_heartbeat_at <= utc_now() for one in each.held())
    assert [each.versions() for each in worlds] == versions


def test_an_answer_waits_for_the_commit(world: World, app: Flask) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account(), ago(60))
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        await remember(application, world, bearer)
        with commits(app) as committed:
            answered = await beat(application, bearer, held.presence_id)
            assert (answered.status, len(committed)) == (204, 1)
        (now,) = world.held()
        assert now.last_heartbeat_at > held.last_heartbeat_at

    run(app, tell)


def test_a_heartbeat_alone_keeps_its_org_in_memory(world: World, app: Flask) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account())
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        with became(application) as outcomes:
            assert (await beat(application, bearer, held.presence_id)).status == 204
        assert outcomes == {Outcome.NOT_IN_MEMORY: 1}
        await until(lambda: world.id in application.cache.orgs)
        await until(lambda: memory_of(application, world).state is not None)
        org = memory_of(application, world)
        org.polled_at -= 50
        with became(application) as outcomes:
            assert (await beat(application, bearer, held.presence_id)).status == 204
        assert outcomes == {Outcome.COMMITTED: 1}
        org.polled_at += 15
        application.cache.drop_unwatched()
        assert world.id in application.cache.orgs

    run(app, tell)


def test_without_a_lease_flask_answers(world: World, app: Flask) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account(), ago(60))
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        await remember(application, world, bearer)
        application.cache.lease_until = 0.0
        memory_of(application, world).read_at = 0.0
        with became(application) as outcomes:
            assert (await beat(application, bearer, held.presence_id)).status == 204
        assert outcomes == {Outcome.NOT_IN_MEMORY: 1}

    run_without_feed(app, tell)


def test_memory_that_is_behind_revives_nothing(world: World, app: Flask) -> None:
    """Each presence has changed since memory was read, and no feed has told."""
    acts = ("cleared", "switched", "expired", "stale")
    members = {act: world.va(act) for act in acts}
    accounts = {act: world.account(act) for act in (*acts, "free")}
    held = {act: world.clock_in(members[act], accounts[act], ago(60)) for act in acts}
    bearers = {act: world.bearer(member) for act, member in members.items()}
    maya = world.admin()

    async def tell(application: Application) -> None:
        await remember(application, world, bearers["stale"])
        world.force_clear(maya, accounts["cleared"])
        world.clock_in(members["switched"], accounts["free"])
        long_ago = {"expired": ago(4000), "stale": ago(600)}
        for act, at in long_ago.items():
            with world.database.write(EVERY_ORG) as session:
                session.execute(
                    update(Presence)
                    .where(Presence.id == held[act].presence_id)
                    .values(last_heartbeat_at=at)
                )
        assert world.sweep() == (1, 1)
        version = world.org().version
        for act in acts:
            with became(application) as outcomes:
                answered = await beat(application, bearers[act], held[act].presence_id)
            assert outcomes == {Outcome.NOT_WRITTEN: 1}
            assert answered.status == (204 if act == "stale" else 410)
        # The one that came back did so by the one way of changing what people see.
        assert world.org().version > version
        assert world.kinds()[-1] == "resume"
        here = {one.presence_id for one in world.held()}
        assert held["stale"].presence_id in here
        assert not here & {held[act].presence_id for act in acts if act != "stale"}

    run_without_feed(app, tell)


def test_what_has_ended_is_not_acknowledged_for_long(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()
    held = world.clock_in(ana, acme, ago(60))
    bearer, maya = world.bearer(ana), world.admin()

    async def tell(application: Application) -> None:
        await remember(application, world, bearer)
        for _ in range(2):  # written, then remembered
            assert (await beat(application, bearer, held.presence_id)).status == 204
        world.force_clear(maya, acme)
        await until_current(application, world)
        answered = await beat(application, bearer, held.presence_id)
        assert (answered.status, answered.json["reason"]) == (410, "force_cleared")

    run(app, tell)


def test_one_orgs_locked_presence_delays_no_others_heartbeat(world: World, app: Flask) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite locks no rows")
    other = World(world.database, world.settings, "Another org")
    both = [(each, each.va()) for each in (world, other)]
    locked, free = [each.clock_in(ana, each.account(), ago(60)) for each, ana in both]
    bearers = [each.bearer(ana) for each, ana in both]

    async def tell(application: Application) -> None:
        for (each, _), bearer in zip(both, bearers, strict=True):
            await remember(application, each, bearer)
        with became(application) as outcomes:
            with world.changing() as change:
                change.session.execute(update(Presence).values(clocked_in_at=ago(1)))
                waiting = asyncio.ensure_future(beat(application, bearers[0], locked.presence_id))
                answered = await beat(application, bearers[1], free.presence_id)
                assert (answered.status, waiting.done()) == (204, False)
            assert (await waiting).status == 204
        assert outcomes == {Outcome.COMMITTED: 1, Outcome.NOT_WRITTEN: 1}

    run(app, tell)


def test_what_was_written_is_remembered_for_an_interval_only(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account(), ago(60))
    bearer, interval = world.bearer(ana), world.settings.heartbeat_write_interval

    passed = 0.0
    monkeypatch.setattr(heartbeat_batches, "monotonic", lambda: monotonic() + passed)

    async def tell(application: Application) -> None:
        nonlocal passed
        await remember(application, world, bearer)
        with became(application) as outcomes:
            await beat(application, bearer, held.presence_id)
            passed = interval + 0.001
            monkeypatch.setattr(
                heartbeat_batches, "utc_now", lambda: utc_now() + timedelta(seconds=passed)
            )
            await beat(application, bearer, held.presence_id)
        assert outcomes == {Outcome.COMMITTED: 2}
        assert len(application.heartbeats._batches._written_at) == 1

    run(app, tell)
