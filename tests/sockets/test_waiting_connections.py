"""A connection whose poll is held is in use, and is idle again once it is answered."""

import asyncio
from collections.abc import Iterator
from time import monotonic

import pytest
import uvloop

import live.bounded
import live.lane
from live.counters import Counters
from live.lane import LaneProtocol
from tests.support.asgi_client import until
from tests.support.lane_streams import SHORT_TIME, Side, Truth, clock_of_our_own, settle
from tests.support.lane_tokens import Clock

POLL = (
    "GET /v1/presence HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ana\r\n"
    "If-None-Match: {}\r\nPrefer: wait=1\r\n\r\n"
)


class Protocol(LaneProtocol):
    counters = Counters()


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Runner]:
    with clock_of_our_own(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        Clock.now, begun = 1.0, monotonic()
        for module in (live.bounded, live.lane):
            monkeypatch.setattr(module, "monotonic", lambda: 1.0 + monotonic() - begun)
        yield runner


def test_it_is_kept_while_it_waits_and_no_longer_than_any_other(runner: asyncio.Runner) -> None:
    async def tell() -> None:
        truth = Truth()
        side = Side(Protocol, truth, asyncio.get_running_loop())
        side.protocol.timeout_keep_alive = SHORT_TIME  # type: ignore[assignment]
        side.transport.receive(POLL.format(truth.tag("ana")).encode())
        await settle(side)
        (org,) = side.cache.orgs.values()
        assert (len(org.waiters), side.state.tasks) == (1, set())
        await until(lambda: side.transport.is_closed)
        assert side.transport.written.startswith(b"HTTP/1.1 304")
        assert b"preference-applied: wait=1" in side.transport.written
        assert not org.waiters

    runner.run(tell())
