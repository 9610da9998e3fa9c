"""How long a connection is kept: idle, slow, or while the server stops."""

import asyncio
from collections.abc import Iterator
from time import monotonic, perf_counter
from typing import Any

import pytest
import uvloop

import live.bounded
import live.lane
from live.counters import Counters
from live.lane import LEARNT_BYTES, LaneProtocol
from live.request_head import HEAD_BYTES, HEAD_LINES
from models.views import VIEWS
from tests.support.asgi_client import until
from tests.support.lane_streams import SHORT_TIME, Side, Truth, clock_of_our_own, settle
from tests.support.lane_tokens import Clock

POLL = (
    "GET /v1/presence HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ana\r\nIf-None-Match: {}\r\n\r\n"
)
CHUNKED = b"POST /v1/clock-out HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Protocol(LaneProtocol):
    counters = Counters()
    drain_seconds = SHORT_TIME


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Runner]:
    monkeypatch.setattr(live.bounded, "HEADERS_SECONDS", SHORT_TIME)
    with clock_of_our_own(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        Clock.now, begun = 1.0, monotonic()
        for module in (live.bounded, live.lane):
            monkeypatch.setattr(module, "monotonic", lambda: 1.0 + monotonic() - begun)
        yield runner


class Client:
    """A client of one connection, which polls what does not change."""

    def __init__(self, keep_alive_seconds: float = 3600) -> None:
        truth = Truth()
        self.begun = self.spoke_at = monotonic()
        self.side = Side(Protocol, truth, asyncio.get_running_loop())
        self.side.protocol.timeout_keep_alive = keep_alive_seconds  # type: ignore[assignment]
        self._poll = POLL.format(truth.tag("ana")).encode()

    def send(self, data: bytes) -> None:
        self.spoke_at = monotonic()
        self.side.transport.receive(data)

    async def poll(self, more: bytes = b"") -> bytes:
        before = len(self.side.transport.written)
        self.send(self._poll.replace(b"\r\n\r\n", b"\r\n" + more + b"\r\n"))
        await settle(self.side)
        return bytes(self.side.transport.written[before:])

    @property
    def is_closed(self) -> bool:
        return self.side.transport.is_closed

    async def is_closed_after(self, seconds: float) -> None:
        """Closed so long after it spoke last, neither sooner nor much later."""
        await until(lambda: self.is_closed, seconds + 2)
        assert seconds * 0.9 <= monotonic() - self.spoke_at

    async def polls_without_pause(self, seconds: float) -> int:
        """How many polls were answered; 0 if this machine paused, so that it was idle."""
        polls = 0
        while monotonic() - self.begun < seconds:
            before = self.spoke_at
            answered = await self.poll()
            if self.spoke_at - before > SHORT_TIME * 0.8:
                return 0
            assert answered.startswith(b"HTTP/1.1 304")
            polls += 1
            await asyncio.sleep(SHORT_TIME / 10)
        return polls


def test_a_connection_that_says_nothing_is_closed(runner: asyncio.Runner) -> None:
    async def tell() -> None:
        await Client().is_closed_after(SHORT_TIME)

    runner.run(tell())


def test_headers_that_come_byte_by_byte_gain_no_time(runner: asyncio.Runner) -> None:
    async def tell() -> None:
        client, sent = Client(), 0
        for byte in POLL.encode() * 10:
            if client.is_closed:
                break
            client.send(bytes([byte]) if byte > 31 else b"x")
            sent += 1
            await asyncio.sleep(SHORT_TIME / 20)
        assert monotonic() - client.begun >= SHORT_TIME * 0.9
        assert sent <= 40  # twice as many as fit into the time, whatever the machine did meanwhile

    runner.run(tell())


@pytest.mark.parametrize(
    "begin",
    [b"GET /v1/presence?", POLL[:-4].encode() + b"\r\nX: ", CHUNKED + b"0\r\nX: "],
    ids=["address", "header", "trailer"],
)
def test_what_never_ends_is_refused(runner: asyncio.Runner, begin: bytes) -> None:
    async def tell() -> None:
        client, sent = Client(), 0
        client.send(begin)
        while not client.is_closed and sent < 2 * HEAD_BYTES:
            client.send(b"x" * 1000)
            sent += 1000
        assert client.is_closed
        assert HEAD_BYTES - 1000 < sent < HEAD_BYTES + 2000

    runner.run(tell())


@pytest.mark.parametrize(("size", "status"), [(HEAD_BYTES - 500, 304), (HEAD_BYTES, 431)])
def test_a_head_may_have_16_kib(runner: asyncio.Runner, size: int, status: int) -> None:
    async def tell() -> None:
        client = Client()
        assert (await client.poll(b"X: " + b"x" * size + b"\r\n")).startswith(
            b"HTTP/1.1 %d" % status
        )
        assert client.is_closed == (status == 431)

    runner.run(tell())


@pytest.mark.parametrize(("lines", "status"), [(HEAD_LINES, 304), (HEAD_LINES + 1, 431)])
def test_a_head_may_have_100_lines(runner: asyncio.Runner, lines: int, status: int) -> None:
    """The shortest take thirty times as much memory as they have bytes."""

    async def tell() -> None:
        client = Client()
        more = lines - POLL.count("\r\n") + 2
        assert (await client.poll(b"x:\r\n" * more)).startswith(b"HTTP/1.1 %d" % status)
        assert client.is_closed == (status == 431)

    runner.run(tell())


def test_chunks_of_a_byte_are_not_read_for_ever(runner: asyncio.Runner) -> None:
    """256 KiB of them took 200 ms, in which nobody else was answered."""

    async def tell() -> None:
        client, sent = Client(), 40_000 * b"1\r\n \r\n"
        begun = perf_counter()
        client.send(CHUNKED + sent)
        await settle(client.side)
        assert perf_counter() - begun < 0.1
        assert client.side.transport.written.startswith(b"HTTP/1.1 400")

    runner.run(tell())


@pytest.mark.parametrize(("size", "in_the_lane"), [(3000, 2), (LEARNT_BYTES, 0)])
def test_a_long_poll_is_not_kept(runner: asyncio.Runner, size: int, in_the_lane: int) -> None:
    async def tell() -> None:
        client = Client()
        before = Protocol.counters.by_lane
        for _ in range(3):
            answer = await client.poll(b"X: " + b"x" * size + b"\r\n")
            assert answer.startswith(b"HTTP/1.1 304")
        assert Protocol.counters.by_lane - before == in_the_lane

    runner.run(tell())


def test_an_unfinished_request_after_a_whole_one_is_closed(runner: asyncio.Runner) -> None:
    async def tell() -> None:
        client = Client()
        for _ in range(2):
            assert (await client.poll()).startswith(b"HTTP/1.1 304")
        client.send(b"GET /v1/pres")
        await client.is_closed_after(SHORT_TIME)

    runner.run(tell())


def test_an_idle_connection_is_kept_for_the_keep_alive_time(runner: asyncio.Runner) -> None:
    async def tell() -> None:
        client = Client(SHORT_TIME)
        await client.poll()
        await client.is_closed_after(SHORT_TIME)

    runner.run(tell())


def test_polls_in_the_lane_keep_the_connection(runner: asyncio.Runner) -> None:
    async def tell() -> None:
        polls = 0
        while not polls:
            client, before = Client(SHORT_TIME), Protocol.counters.by_lane
            polls = await client.polls_without_pause(3 * SHORT_TIME)
        assert Protocol.counters.by_lane >= before + polls - 1  # all but the first
        await client.is_closed_after(SHORT_TIME * 0.9)

    runner.run(tell())


def test_a_stop_lets_an_idle_client_ask_once_more(runner: asyncio.Runner) -> None:
    async def tell() -> None:
        client = Client()
        for _ in range(3):
            assert b"connection: close" not in await client.poll()
        client.side.protocol.shutdown()
        assert not client.is_closed
        answered = await client.poll()
        assert answered.startswith(b"HTTP/1.1 304")
        assert b"connection: close\r\n" in answered
        assert client.is_closed

    runner.run(tell())


def test_who_connects_while_the_server_stops_is_told_to_connect_anew(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Protocol, "is_stopping", True)

    async def tell() -> None:
        client = Client()
        assert b"connection: close\r\n" in await client.poll()
        assert client.is_closed

    runner.run(tell())


def test_a_stop_closes_a_connection_that_stays_idle(runner: asyncio.Runner) -> None:
    async def tell() -> None:
        client = Client()
        await client.poll()
        client.side.protocol.shutdown()
        await client.is_closed_after(SHORT_TIME)

    runner.run(tell())


def test_a_request_under_way_at_the_stop_is_answered_and_closed(runner: asyncio.Runner) -> None:
    async def tell() -> None:
        client = Client()
        client.send(client._poll)
        client.side.protocol.shutdown()
        await settle(client.side)
        assert b"connection: close\r\n" in client.side.transport.written
        assert client.is_closed

    runner.run(tell())


def test_a_client_that_leaves_with_requests_in_line_leaves_no_waiter(
    runner: asyncio.Runner,
) -> None:
    async def tell() -> None:
        client = Client()
        waiting = client._poll.replace(b"Host: x", b"Host: x\r\nPrefer: wait=20")
        client.send(waiting * 3)
        await settle(client.side)
        (org,) = client.side.cache.orgs.values()
        assert len(org.waiters) == 1
        client.side.transport.close()
        await settle(client.side)
        assert (len(org.waiters), client.side.state.tasks) == (0, set())
        org.release(VIEWS)

    runner.run(tell())


def test_a_connection_is_idle_again_after_a_body_that_was_not_waited_for(
    runner: asyncio.Runner,
) -> None:
    """Its keep-alive time begins, or it would be kept for ever."""

    async def tell() -> None:
        client = Client(SHORT_TIME)

        async def hasty(_scope: object, _receive: object, send: Any) -> None:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        client.side.protocol.app = hasty
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        await settle(client.side)
        assert client.side.transport.written.startswith(b"HTTP/1.1 204 ")
        client.send(b"}")
        assert not client.is_closed
        await until(lambda: client.is_closed, 5 * SHORT_TIME)

    runner.run(tell())
