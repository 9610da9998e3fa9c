"""Bounds of a connection, in both directions: none of them is one that others pay for."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urljoin

import pytest

from dev_postgres import own_postgres
from tests.support.line import HEALTH, Line, bearer, posted
from tests.support.server import copy_project
from tests.support.stage import Stage, edit, served, wait_until

STALLED_SECONDS = 4.0  # of the server under test; otherwise 30
IN_FLIGHT = 8


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    project = copy_project(tmp_path_factory.mktemp("bounds") / "presence")
    now = f"STALLED_SECONDS = {STALLED_SECONDS}"
    edit(project / "live" / "write_timeout.py", "STALLED_SECONDS = 30.0", now)
    edit(project / "live" / "bounded.py", "HEADERS_SECONDS = 10.0", "HEADERS_SECONDS = 4.0")
    with own_postgres() as postgres, served(postgres, project) as stage:
        yield stage


@pytest.fixture(scope="module")
def asset(stage: Stage) -> str:
    """The largest asset of /docs."""
    page = stage.get("/docs")[1]
    paths = [urljoin("/docs", path) for path in re.findall(r'(?:src|href)="([^"#:]+)"', page)]
    size, path = max((len(stage.get(path)[1]), path) for path in paths)
    assert size > 500_000
    return str(path)


def get(path: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: presence\r\n{more}\r\n".encode()


def unread(stage: Stage) -> Line:
    """A client that will read nothing, or very little at a time."""
    line = Line(stage)
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return line


def ended(stage: Stage, reason: str) -> float:
    return stage.metric(f'presence_ended_connections_total{{reason="{reason}"}}')


def test_unread_assets_hold_up_nobody_and_are_not_kept(stage: Stage, asset: str) -> None:
    before = ended(stage, "stalled")
    with ExitStack() as stack:
        for _ in range(24):
            stack.enter_context(unread(stage)).send(get(asset) * 5)
        time.sleep(1)
        for _ in range(20):
            begun = time.monotonic()
            assert stage.get("/openapi.json")[0] == 200  # which is Flask's
            assert time.monotonic() - begun < STALLED_SECONDS
        wait_until(lambda: ended(stage, "stalled") == before + 24)


def test_what_is_read_slowly_arrives_whole(stage: Stage, asset: str) -> None:
    _, whole = stage.get(asset)
    with Line(stage) as line:
        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        line.send(get(asset, "Connection: close\r\n"))
        begun = time.monotonic()
        while time.monotonic() - begun < 2 * STALLED_SECONDS:
            line.said += line.socket.recv(65536)
            time.sleep(0.5)
        said = line.to_the_end()
    assert said.partition(b"\r\n\r\n")[2].decode() == whole


@pytest.mark.parametrize("count", [IN_FLIGHT, IN_FLIGHT + 1, 6000])
def test_more_than_8_requests_in_flight_end_the_connection(stage: Stage, count: int) -> None:
    before = ended(stage, "too_many_in_flight")
    with Line(stage) as line:
        try:
            said = line.send(HEALTH * count).in_silence(1)
        except ConnectionError:
            said = line.said
        if count <= IN_FLIGHT:
            assert said.count(b"HTTP/1.1 200 ") == count
            line.said = b""
            assert line.send(HEALTH * IN_FLIGHT).in_silence(1).count(b"HTTP/1.1 200 ") == IN_FLIGHT
        else:
            assert said.count(b"HTTP/1.1 ") <= IN_FLIGHT
            wait_until(lambda: ended(stage, "too_many_in_flight") == before + 1)
            assert line.is_cut_off()


def test_pipelining_costs_no_memory(stage: Stage) -> None:
    poll = b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n" % bearer(stage, stage.world.va("Pip Lining"))
    for _ in range(3):  # the first takes what any first one takes
        before = resident(stage)
        with ExitStack() as stack:
            for _ in range(20):
                line = stack.enter_context(unread(stage))
                try:
                    line.send(poll * (256 * 1024 // len(poll)))
                except ConnectionError:
                    continue
            grown = [now - then for now, then in zip(resident(stage), before, strict=True)]
    assert max(grown) < 20


def resident(stage: Stage) -> list[float]:
    """MB of each worker."""
    found = []
    for pid in stage.workers:
        with open(f"/proc/{pid}/statm") as file:
            found.append(int(file.read().split()[1]) * 4096 / 1e6)
    return found


def test_the_rest_of_a_body_that_was_not_waited_for_has_a_time(stage: Stage) -> None:
    head = posted("/v1/clock-in", b"", b"").replace(
        b"Content-Length: 0", b"Content-Length: 99999999"
    )
    with Line(stage) as line:
        line.send(head)
        begun = time.monotonic()
        while time.monotonic() - begun < 30:
            try:
                line.send(b"x")
            except ConnectionError:
                break
            time.sleep(0.2)
        assert 3 < time.monotonic() - begun < 25


@pytest.mark.parametrize(
    ("what", "status", "reason"),
    [
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(range(32, 255)), 400, "not_http"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 16_800, 431, "head_too_large"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "host"),
        (posted("/", b"", b"Transfer-Encoding: gzip\r\n"), 400, "length"),
    ],
)
def test_what_is_no_request_is_answered_counted_and_closed(
    stage: Stage, what: bytes, status: int, reason: str
) -> None:
    name = f'presence_refused_requests_total{{reason="{reason}"}}'
    before = stage.metric(name)
    for more in (b"", HEALTH * 3):
        with Line(stage) as line:
            said = line.send(HEALTH + what + more).to_the_end()
            assert said.startswith(b"HTTP/1.1 200 ")
            assert said.count(b"HTTP/1.1 ") == 2
            assert b"HTTP/1.1 %d " % status in said
            assert b"\r\nconnection: close\r\n" in said
    wait_until(lambda: stage.metric(name) == before + 2)


def test_junk_has_one_line_a_minute(stage: Stage) -> None:
    for _ in range(50):
        with Line(stage) as line:
            assert line.send(b"\0junk\r\n\r\n").to_the_end().startswith(b"HTTP/1.1 400 ")

    def lines() -> list[str]:
        return [line for line in stage.server.output.splitlines() if "not valid HTTP" in line]

    wait_until(lambda: len(lines()) > 0)
    assert len(lines()) <= 2 * len(stage.workers)
    assert "Invalid HTTP" not in stage.server.output
    assert "Unsupported upgrade" not in stage.server.output
