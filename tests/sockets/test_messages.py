"""Nobody is answered to bytes that are not their own: what is answered, held against a model."""

import asyncio
import logging
import os
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from uvicorn.server import ServerState

from live.counters import Counters
from live.lane import LaneProtocol
from tests.support.lane_streams import _config
from tests.support.lane_transport import Transport
from tests.support.messages import Reading, answers, read
from tests.support.streams import Stream

# CONTRIBUTING.md: 100,000 of them with PRESENCE_STREAMS=100000.
STREAMS = int(os.environ.get("PRESENCE_STREAMS", "2000"))
TURNS = 400  # of the loop, for all answers


class Protocol(LaneProtocol):
    counters = Counters()


class HalfClosing(Transport):
    """A transport that also tells of the client's last word."""

    def end(self) -> None:
        if not self.is_closed and not self._protocol.eof_received():
            self.close()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Says which request it was, when it has read it whole."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    own = dict(scope["headers"]).get(b"x-id", b"none")
    assert not {b"upgrade", b"http2-settings"} & {name for name, _ in scope["headers"]}
    said = own + b" " + body.hex().encode()
    length = (b"content-length", str(len(said)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length, (b"x-id", own)]})
    said = b"" if scope["method"] == "HEAD" else said
    await send({"type": "http.response.body", "body": said, "more_body": False})


@pytest.fixture
def loop() -> Iterator[AbstractEventLoop]:
    loop = uvloop.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()


async def play(reads: list[bytes], *, waits: bool, ends: bool) -> HalfClosing:
    """Let a client send this; with ``waits`` it hears the answers between its reads."""
    state = ServerState()
    protocol = Protocol(_config(), state, {}, asyncio.get_running_loop())
    protocol.app, protocol.access_log = echo, False
    transport = HalfClosing(protocol.loop)
    transport.set_protocol(protocol)
    for piece in reads:
        transport.receive(piece)
        if waits:
            await quiet(state, transport)
    await quiet(state, transport)
    if ends:
        transport.end()
        await quiet(state, transport)
    transport.was_closed = transport.is_closed  # type: ignore[attr-defined]
    transport.close()
    await quiet(state, transport)
    assert not state.tasks
    assert not state.connections
    return transport


async def quiet(state: ServerState, transport: HalfClosing) -> None:
    """Let all be told that can be told now: the rest waits for more of its request."""
    still = 0
    while still < 3:
        is_busy = any(not _is_waiting(connection) for connection in state.connections)
        still = 0 if is_busy or (transport.unread and not transport.is_closed) else still + 1
        await asyncio.sleep(0)


def _is_waiting(connection: Any) -> bool:
    is_unfinished = connection._framing.is_in_body and not connection._queue
    return bool(connection._is_idle() or is_unfinished)


def compare(said: bytes, was_closed: bool, model: Reading, ends: bool) -> None:
    """Hold what was answered against the model."""
    found = answers(said, [message.method for message in model.messages])
    ok = [answer for answer in found if answer.status == 200]
    assert found[: len(ok)] == ok
    asked = [(message.one("x-id") or "none", message.body) for message in model.messages]
    assert [answer.fields["x-id"] for answer in ok] == [own for own, _ in asked]
    for answer, message in zip(ok, model.messages, strict=True):
        if message.method != "HEAD":
            own, _, body = answer.body.decode().partition(" ")
            assert (own, bytes.fromhex(body)) == (message.one("x-id") or "none", message.body)
    refusals = [answer.status for answer in found[len(ok) :]]
    if model.refused is not None:
        # A head that is too large may be wrong otherwise, too.
        assert refusals in ([[400], [431]] if model.is_large else [[model.refused]])
    elif model.is_unfinished:
        assert refusals in ([], [400], [431])  # some of it can be refused before it is whole
    else:
        assert refusals == []
    assert was_closed == (model.is_over or ends or bool(refusals))


@pytest.mark.timeout(0 if STREAMS > 20_000 else 300)
def test_every_message_has_its_own_answer(loop: AbstractEventLoop) -> None:
    logging.getLogger("uvicorn.error").disabled = True
    met: Counter[str] = Counter()
    for seed in range(STREAMS):
        stream = Stream(seed)
        model = read(stream.sent)
        waits, ends = seed % 3 == 0, seed % 4 == 0
        transport = loop.run_until_complete(play(stream.reads(), waits=waits, ends=ends))
        try:
            compare(bytes(transport.written), transport.was_closed, model, ends)  # type: ignore[attr-defined]
        except AssertionError as error:
            parts = [part[:400] for part in stream.parts]
            raise AssertionError(f"stream {seed}: {parts}, {transport.written[-900:]!r}") from error
        met["messages"] += len(model.messages)
        met["refused"] += model.refused is not None
        met["evil"] += b"evil" in stream.sent
        met["upgrade"] += b"pgrade: " in stream.sent and len(model.messages) > 1
    assert met["messages"] > STREAMS
    assert min(met["refused"], met["evil"], met["upgrade"]) > STREAMS / 10
