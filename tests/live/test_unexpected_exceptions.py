"""An exception that nobody expected leaves nobody unanswered, and stops nothing for ever."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

import live.shares
import live.turns
from live import heartbeat_batches
from live.cached_poll import CachedPoll
from live.heartbeat_batches import HeartbeatBatches
from live.heartbeat_outcome import Outcome
from live.lane import LaneProtocol
from live.responder import Responder
from live.shares import ORGS, Owner, Shares
from live.turns import Job, Turns, Waited
from live.user_orgs import NotResolved, UserOrgs
from live.verifications import Verifications
from services.heartbeats import Beats
from tests.support.asgi_client import PATIENCE_SECONDS
from tests.support.lane_streams import SETTINGS, Side, Truth, clock_of_our_own, settle, with_lane
from tests.support.lane_tokens import ORG, Clock

IN_THE_LANE = "A held poll failed in the lane: the gate answers it"


class Odd(Exception):
    """Nobody expects it."""


def fails_first(then: Callable[..., Any]) -> Callable[..., Any]:
    failures = [Odd()]

    def act(*arguments: Any, **named: Any) -> Any:
        if failures:
            raise failures.pop()
        return then(*arguments, **named)

    return act


def fails(*_: Any, **__: Any) -> Any:
    raise Odd


def told(tell: Callable[[], Any]) -> None:
    async def run() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await tell()

    asyncio.run(run())


@pytest.fixture
def clock() -> Iterator[None]:
    Clock.now = 1.0
    with clock_of_our_own():
        yield


class Connection:
    """One whose poll the lane holds."""

    def __init__(self) -> None:
        self.truth = Truth()
        self.side = Side(with_lane(), self.truth, asyncio.get_running_loop())

    async def poll(self) -> None:
        lines = ["GET /v1/presence HTTP/1.1", "Host: x", "Authorization: Bearer ana"]
        lines += [f"If-None-Match: {self.truth.tag('ana')}", "Prefer: wait=30", "", ""]
        self.side.transport.receive("\r\n".join(lines).encode())
        await settle(self.side)
        assert self.side.protocol._held is not None
        assert not self.side.transport.written

    async def change(self) -> None:
        """What the member sees."""
        for view in self.truth.versions:
            self.truth.versions[view] += 1
        self.truth.changed()
        self.side.cache.invalidate([ORG])
        for _ in range(5):  # the read, the lane, the gate
            await settle(self.side)

    @property
    def answered(self) -> bytes:
        return bytes(self.side.transport.written)

    async def end(self) -> None:
        self.side.transport.close()
        await settle(self.side)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("name", ["is_fresh", "revalidate"])
def test_a_held_poll_that_fails_in_the_lane_is_the_gates(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    async def tell() -> None:
        connection = Connection()
        await connection.poll()
        monkeypatch.setattr(CachedPoll, name, fails_first(getattr(CachedPoll, name)))
        await connection.change()
        assert connection.answered.startswith(b"HTTP/1.1 200 ")
        assert len(caplog.records) == 1
        await connection.end()

    told(tell)


@pytest.mark.usefixtures("clock")
def test_a_held_poll_that_fails_at_the_gate_too_is_a_500(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def tell() -> None:
        connection = Connection()
        await connection.poll()
        monkeypatch.setattr(Responder, "answer", fails)
        await connection.change()
        assert connection.answered.startswith(b"HTTP/1.1 500 ")
        assert b"internal_error" in connection.answered
        assert len(caplog.records) == 2
        await connection.end()

    told(tell)


@pytest.mark.usefixtures("clock")
def test_a_held_poll_that_fails_as_it_is_answered_ends_its_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def tell() -> None:
        connection = Connection()
        await connection.poll()
        monkeypatch.setattr(LaneProtocol, "_expect", fails)
        await connection.change()
        assert connection.side.transport.is_closed
        assert caplog.messages == [IN_THE_LANE]
        await connection.end()

    told(tell)


@pytest.mark.parametrize("which", ["_beat_all", "_remember"])
def test_a_batch_of_heartbeats_that_fails_is_flasks_and_the_next_is_written(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, which: str
) -> None:
    def beat_all(_self: object, presence_ids: list[Any]) -> Beats:
        return Beats(set(presence_ids), set())

    monkeypatch.setattr(HeartbeatBatches, "_beat_all", beat_all)
    monkeypatch.setattr(heartbeat_batches, "BATCH_SECONDS", 0.0)
    monkeypatch.setattr(HeartbeatBatches, which, fails_first(getattr(HeartbeatBatches, which)))

    async def tell() -> None:
        batches = HeartbeatBatches(None, SETTINGS)  # type: ignore[arg-type]
        first = await batches.write(uuid4())
        assert first is (Outcome.COMMITTED if which == "_remember" else Outcome.NOT_WRITTEN)
        assert await batches.write(uuid4()) is Outcome.COMMITTED
        batches.close()

    told(tell)
    assert caplog.messages == ["A batch of heartbeats failed: Flask answers them"]


def test_who_waits_for_a_turn_is_looked_at_again_after_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live.turns, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(live.shares, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(Shares, "take_overdue", fails_first(Shares.take_overdue))

    async def tell() -> None:
        turns, ended = Turns(13), asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: failed.append(context))
        end = threading.Event()

        async def receive() -> Any:
            await ended.wait()

        def work(_job: Job) -> None:
            end.wait(PATIENCE_SECONDS)

        acme = Owner(ORGS, "acme")
        running = [asyncio.ensure_future(turns.run(acme, 0, work, receive)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Waited):
            await turns.run(acme, 0, work, receive)
        end.set()
        await asyncio.gather(*running)

    failed: list[Any] = []
    told(tell)
    assert [type(context["exception"]) for context in failed] == [Odd]


def test_a_token_that_cant_be_verified_is_the_fault_of_its_bearer_alone() -> None:
    class Tokens:
        def verify(self, raw: str) -> None:
            if raw == "odd":
                raise Odd

    async def tell() -> None:
        each: Any = Verifications(Tokens())  # type: ignore[arg-type]
        found = await asyncio.gather(
            *map(each.verify, ("odd", "even", "more")), return_exceptions=True
        )
        assert [type(came_of_it) for came_of_it in found] == [Odd, type(None), type(None)]

    told(tell)


def test_who_waits_for_their_orgs_is_told_of_a_failure_and_others_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("live.user_orgs.READ_USERS", 1)
    monkeypatch.setattr(UserOrgs, "_find", fails_first(lambda *_: {}))

    async def tell() -> None:
        user_orgs = UserOrgs(None, lambda _: None)  # type: ignore[arg-type]
        both = [NotResolved(uuid4(), 0.0) for _ in range(2)]
        found = await asyncio.gather(*map(user_orgs.read, both), return_exceptions=True)
        assert [type(came_of_it) for came_of_it in found] == [Odd, type(None)]
        user_orgs.close()

    told(tell)
