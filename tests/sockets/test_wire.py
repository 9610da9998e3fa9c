"""What a client may send, over real sockets: one message, one answer, and its own."""

import json
import time

import pytest

from tests.support.line import HEALTH, Line, bearer, posted
from tests.support.stage import Stage, wait_until

UPGRADES = {
    "foo": b"Connection: Upgrade\r\nUpgrade: foo\r\n",
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    "websocket": b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
    "nginx": b"Connection: upgrade\r\n",
}


@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_is_no_request_whatever_is_offered(
    stage: Stage, upgrade: str, chunked: bool
) -> None:
    request = posted("/v1/sessions", HEALTH, UPGRADES[upgrade], chunked=chunked)
    head, separator, body = request.partition(b"\r\n\r\n")
    for pieces in ((request,), (head + separator, body), (*[bytes([b]) for b in request],)):
        with Line(stage) as line:
            said = line.send(*pieces, pause=0.05 if len(pieces) < 3 else 0).in_silence()
            assert said.count(b"HTTP/1.1 ") == 1
            assert said.startswith(b"HTTP/1.1 400 ")
            assert b'"malformed_request"' in said  # by Flask, which has read the body
            line.said = b""
            assert line.send(HEALTH).in_silence().startswith(b"HTTP/1.1 200 ")


def test_a_chunked_clock_out_that_offers_h2c_keeps_its_fence(stage: Stage) -> None:
    world = stage.world
    member = world.va("Fay Fenced")
    world.clock_in(member, world.account("Fenced"))
    body = {"presence_id": "00000000-0000-4000-8000-000000000000"}
    request = posted("/v1/clock-out", body, bearer(stage, member) + UPGRADES["h2c"], chunked=True)
    with Line(stage) as line:
        assert line.send(request).in_silence().startswith(b"HTTP/1.1 410 ")
    assert any(held.membership_id == member.id for held in world.held())


@pytest.mark.parametrize("target", ["/healthz", "/docs", "/v1/presence", "/v1/me"])
def test_a_half_closed_client_gets_its_answer_whole(stage: Stage, target: str) -> None:
    more = bearer(stage, stage.world.va(f"Hal Closed {target}"))
    request = b"GET %s HTTP/1.1\r\nHost: presence\r\n%s\r\n" % (target.encode(), more)
    with Line(stage) as line:
        said = line.send(request).finish().to_the_end()
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    lengths = [h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length: ")]
    assert len(body) == int(lengths[0].split()[1]) > 0


def test_a_half_closed_clock_in_is_answered(stage: Stage) -> None:
    world = stage.world
    member, account = world.va("Hope Closed"), world.account("Half closed")
    request = posted("/v1/clock-in", {"account_id": str(account.id)}, bearer(stage, member))
    with Line(stage) as line:
        said = line.send(HEALTH + request).finish().to_the_end()
    assert said.count(b"HTTP/1.1 200 ") == said.count(b"HTTP/1.1 201 ") == 1
    assert said.endswith(b"}") or said.endswith(b"}\n")


def test_a_half_closed_waiter_is_answered_at_once(stage: Stage) -> None:
    more = bearer(stage, stage.world.va("Will Waiting"))
    poll = b"GET /v1/presence HTTP/1.1\r\nHost: presence\r\n%s" % more
    with Line(stage) as line:
        first = line.send(poll + b"\r\n").in_silence()
        tag = next(h for h in first.split(b"\r\n") if h.lower().startswith(b"etag: ")).split()[1]
        begun = time.monotonic()
        line.said = b""
        line.send(poll + b"If-None-Match: %s\r\nPrefer: wait=25\r\n\r\n" % tag)
        wait_until(lambda: stage.metric("presence_waiters") == 1)
        said = line.finish().to_the_end()
    assert time.monotonic() - begun < 15
    assert said.startswith(b"HTTP/1.1 304 ")
    wait_until(lambda: stage.metric("presence_waiters") == 0)


@pytest.mark.parametrize("cut", [20, -30, -1])
def test_a_client_that_ends_within_a_request_is_not_answered(stage: Stage, cut: int) -> None:
    request = posted("/v1/sessions", {"access_code": "K7QF-9TWM-2XHP"})
    with Line(stage) as line:
        assert line.send(request[:cut]).finish().to_the_end() == b""
    with Line(stage) as line:
        said = line.send(HEALTH + request[:cut]).finish().to_the_end()
    assert said.count(b"HTTP/1.1 ") == said.count(b"HTTP/1.1 200 ") == 1


CODE = json.dumps({"access_code": "K7QF-9TWM-2XHP"}).encode()
EXPECTING = b"Expect: 100-continue\r\n"


def test_the_body_that_a_client_holds_back_is_asked_for(stage: Stage) -> None:
    head, _, body = posted("/v1/sessions", CODE, EXPECTING).partition(b"\r\n\r\n")
    with Line(stage) as line:
        assert line.send(head + b"\r\n\r\n").in_silence() == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.said = b""
        assert line.send(body).in_silence().startswith(b"HTTP/1.1 401 ")
        line.said = b""
        assert line.send(HEALTH).in_silence().startswith(b"HTTP/1.1 200 ")


def test_no_body_is_asked_for_that_is_there_or_will_not_come(stage: Stage) -> None:
    without = HEALTH.replace(b"\r\n\r\n", b"\r\n" + EXPECTING + b"\r\n")
    old = posted("/v1/sessions", CODE, EXPECTING).replace(b"HTTP/1.1", b"HTTP/1.0")
    for request in (posted("/v1/sessions", CODE, EXPECTING), without, old):
        with Line(stage) as line:
            said = line.send(request).in_silence()
        assert b" 100 " not in said
        assert said.count(b"HTTP/1.1 ") == 1


def test_what_is_refused_without_its_body_ends_the_connection(stage: Stage) -> None:
    """The client may send the body or not: what comes next could be either."""
    head = posted("/v1/sessions", b"", EXPECTING).replace(b": 0\r\n", b": 99999\r\n")
    with Line(stage) as line:
        said = line.send(head).to_the_end()
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in said.lower()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ],
)
def test_what_ends_the_connection_is_answered_first(stage: Stage, request_: bytes) -> None:
    with Line(stage) as line:
        said = line.send(request_ + HEALTH).to_the_end()
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\nGET /healthz HTTP/1.1\r\nhost:x\r\n",
        b"GET http://presence:8000/healthz HTTP/1.1\r\nHost: other\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Text: \x80\xff\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: foo\r\nConnection: Upgrade\r\n"
        b"Content-Length: 0\r\n",
    ],
)
def test_what_is_unusual_is_answered_and_keeps_the_connection(stage: Stage, head: bytes) -> None:
    with Line(stage) as line:
        for _ in range(2):
            line.said = b""
            assert line.send(head + b"\r\n").in_silence().startswith(b"HTTP/1.1 200 ")
            assert b"close" not in line.said


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a b\r\n",
        b"GET /healthz HTTP/1.1\r\nHost:\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n",
        b"GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\nX: a\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : a\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n",
        b"get /healthz HTTP/1.1\r\nHost: a\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_400_and_closes(stage: Stage, head: bytes) -> None:
    with Line(stage) as line:
        said = line.send(head + b"\r\n", HEALTH).to_the_end()
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1
