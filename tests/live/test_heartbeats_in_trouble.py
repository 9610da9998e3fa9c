"""Heartbeats at the gate when the database, or the gate itself, is in trouble."""

import asyncio
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import ProgrammingError

from live import heartbeat_batches
from live import heartbeats as heartbeats_at_the_gate
from live.application import Application
from live.counters import CounterExport
from live.heartbeat_outcome import Outcome
from metrics import REGISTRY
from services import heartbeats
from tests.support.asgi_client import Answered, ask, until, without_date
from tests.support.beats import beat, became, remember
from tests.support.live_apps import failing, run
from tests.support.log_lines import Lines
from tests.support.world import World, ago

LISTED = "https://board.example"


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_CORS_ORIGINS": LISTED}


class Two:
    """Members whose heartbeats are due, and who can be told apart by their requests' ids."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.members = [world.va(name) for name in ("Ana", "Ben")]
        self.held = [
            world.clock_in(member, world.account(member.display_name), ago(60)).presence_id
            for member in self.members
        ]
        self.bearers = [world.bearer(member) | {"origin": LISTED} for member in self.members]

    async def beat(self, application: Application, which: int = 0) -> Answered:
        bearer = self.bearers[which] | {"request-id": f"beat-{which}"}
        return await beat(application, bearer, self.held[which])


@pytest.fixture
def two(world: World) -> Two:
    return Two(world)


def code_of(answered: Answered) -> tuple[int, str]:
    return answered.status, answered.json["code"]


def test_while_the_database_is_away_the_gate_says_what_flask_says(
    two: Two, app: Flask, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(application: Application) -> None:
        await remember(application, two.world, two.bearers[0])
        for one_or_many in ("beat", "beat_all"):
            monkeypatch.setattr(heartbeats, one_or_many, failing)
        body = b'{"presence_id": "%s"}' % str(two.held[0]).encode()
        headers = two.bearers[0] | {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "request-id": "beat-0",
        }
        options: dict[str, Any] = {"method": "POST", "path": "/v1/heartbeat", "body": body}
        with became(application) as outcomes:
            by_gate = await ask(application, headers, **options)
        assert outcomes == {Outcome.UNAVAILABLE: 1}
        told = lines()
        by_flask = await ask(application.flask, headers, **options)
        assert code_of(by_gate) == (503, "database_unavailable")
        assert without_date(by_gate) == without_date(by_flask)
        ana = two.members[0].id
        assert told == [
            f"POST /v1/heartbeat: 503 database_unavailable member={ana} address=127.0.0.1"
            " request_id=beat-0"
        ]

    run(app, tell)


def test_a_database_that_hangs_keeps_nobody_for_long(
    two: Two, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, beat_all = threading.Event(), threading.Event(), heartbeats.beat_all

    def hang(*given: Any, **more: Any) -> Any:
        begun.set()
        go_on.wait()
        return beat_all(*given, **more)

    async def tell(application: Application) -> None:
        await remember(application, two.world, two.bearers[0])
        monkeypatch.setattr(heartbeats, "beat_all", hang)
        monkeypatch.setattr(heartbeat_batches, "WRITE_SECONDS", 0.3)
        first = asyncio.ensure_future(two.beat(application))
        await until(begun.is_set)
        # They wait for the next batch, and are told when it is known that there is none. One is a
        # heartbeat, again, of the presence whose first one is being written.
        try:
            async with asyncio.timeout(5):
                answers = await asyncio.gather(
                    first, two.beat(application), two.beat(application, 1)
                )
        finally:
            go_on.set()
        assert [code_of(each) for each in answers] == [(503, "database_unavailable")] * 3
        monkeypatch.setattr(heartbeat_batches, "WRITE_SECONDS", 5.0)
        assert (await two.beat(application, 1)).status == 204

    run(app, tell)


def test_only_so_many_wait(two: Two, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_batches, "MOST_WAITING", 1)

    async def tell(application: Application) -> None:
        await remember(application, two.world, two.bearers[0])
        one, same, other = await asyncio.gather(
            two.beat(application), two.beat(application), two.beat(application, 1)
        )
        assert [one.status, same.status, other.status] == [204, 204, 503]

    run(app, tell)


def test_what_fails_otherwise_is_flasks(
    two: Two, app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_the_function(*_: Any, **__: Any) -> None:
        raise ProgrammingError("no such function", None, Exception())

    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    async def tell(application: Application) -> None:
        await remember(application, two.world, two.bearers[0])
        monkeypatch.setattr(heartbeats, "beat_all", without_the_function)
        with became(application) as outcomes:
            assert (await two.beat(application)).status == 204
        assert outcomes == {Outcome.NOT_WRITTEN: 1}
        monkeypatch.setattr(heartbeats_at_the_gate, "as_known", broken)
        with became(application) as outcomes:
            assert (await two.beat(application, 1)).status == 204
        assert outcomes == {Outcome.NOT_SHOWN: 1}

    run(app, tell)
    assert all(held.last_heartbeat_at > ago(30) for held in two.world.held())
    failed = [each for each in caplog.records if each.name == "presence.heartbeats"]
    assert [each.exc_info is not None for each in failed] == [True, True]


def counted() -> list[float]:
    by_gate = {"by": "gate", "why": "committed"}
    of_clock = {"kind": "heartbeat", "status": "204"}
    found = [("presence_heartbeats_total", by_gate), ("presence_clock_events_total", of_clock)]
    return [REGISTRY.get_sample_value(name, labels) or 0 for name, labels in found]


def test_heartbeats_by_the_gate_are_counted(two: Two, app: Flask) -> None:
    async def tell(application: Application) -> None:
        await remember(application, two.world, two.bearers[0])
        export = CounterExport(application.counters)
        export.run()
        before = counted()
        for which in range(2):
            assert (await two.beat(application, which)).status == 204
        export.run()
        # The process exports once a second too.
        assert all(now >= then + 2 for now, then in zip(counted(), before, strict=True))

    run(app, tell)


@pytest.fixture
def seldom(environment: dict[str, str]) -> None:
    environment |= {"PRESENCE_HEARTBEAT_INTERVAL": "300", "PRESENCE_STALE_AFTER": "600"}


@pytest.mark.usefixtures("seldom")
def test_heartbeats_that_come_seldom_keep_their_org_in_memory(two: Two, app: Flask) -> None:
    async def tell(application: Application) -> None:
        await remember(application, two.world, two.bearers[0])
        org = application.cache.orgs[two.world.id]
        for age, is_kept in ((310, True), (200, False)):
            org.polled_at -= age
            application.cache.drop_unwatched()
            assert (two.world.id in application.cache.orgs) is is_kept

    run(app, tell)
