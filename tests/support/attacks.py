"""Strangers and members who mean harm, over raw sockets, and what they cost the server.

Every attack is bounded in time and number, and goes to a server of the test's own.
"""

import os
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from routes import docs
from tests.support.stage import Stage, wait_until

IS_FULL = os.environ.get("PRESENCE_ATTACKS") == "full"
MORE = 10 if IS_FULL else 1  # times as many of what memory might keep
WIDER = 3 if IS_FULL else 1  # times as many connections at once: each may hold something
GROWTH_BYTES = 20_000_000  # of all workers together, after an attack
PATIENCE_SECONDS = 20.0  # of a client that is served while an attack stands
OTHERS = 40  # requests of clients who mean well, each over a connection of its own
LARGEST_ASSET = f"{docs.PATH}swagger-ui-bundle.js"


def memory(stage: Stage) -> int:
    """What all workers hold, in bytes."""
    return sum(_resident(pid) for pid in stage.workers)


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(pid)


@contextmanager
def keeping_memory(stage: Stage) -> Iterator[None]:
    """When it is over, and soon after, the workers hold hardly more than before."""
    before, workers = memory(stage), stage.workers
    yield
    with suppress(AssertionError):
        wait_until(lambda: memory(stage) <= before + GROWTH_BYTES, PATIENCE_SECONDS)
    grown = memory(stage) - before
    print(f"memory: {before / 1e6:.0f} MB before, {grown / 1e6:+.1f} MB after")
    assert grown <= GROWTH_BYTES
    assert stage.workers == workers  # none was killed, and started anew


def assert_holds_little(stage: Stage, before: int) -> None:
    """While an attack stands, which its clients decide, memory is as it was ``before``."""
    grown = memory(stage) - before
    print(f"memory: {grown / 1e6:+.1f} MB while it stands")
    assert grown <= GROWTH_BYTES


def serve_others(stage: Stage, token: str, count: int = OTHERS) -> None:
    """Clients who mean well are answered: by the gate, by Flask, and a write."""
    for number in range(count):
        method, path, status = (
            ("GET", "/v1/presence", 200),
            ("GET", "/v1/me", 200),
            ("GET", "/v1/accounts", 200),
            ("POST", "/v1/sessions/renew", 200),
        )[number % 4]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        netloc = urlsplit(stage.server.url).netloc
        with closing(HTTPConnection(netloc, timeout=PATIENCE_SECONDS)) as connection:
            connection.request(method, path, b"{}" if method == "POST" else None, headers)
            assert connection.getresponse().status == status


def warm(stage: Stage, token: str) -> None:
    """Let each worker have done, on every thread, what it does in its life."""
    with connections(stage, 24) as clients:
        for client in clients:
            client.sendall(get(LARGEST_ASSET, "Connection: close"))
        for client in clients:
            read_all(client)
    serve_others(stage, token, 400)


@contextmanager
def connections(stage: Stage, count: int) -> Iterator[list[socket.socket]]:
    """Clients that are connected, with small buffers: who reads nothing, receives nothing."""
    with ExitStack() as stack:
        yield [stack.enter_context(connected(stage)) for _ in range(count)]


@contextmanager
def connected(stage: Stage) -> Iterator[socket.socket]:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE_SECONDS)
        host, port = urlsplit(stage.server.url).netloc.split(":")
        client.connect((host, int(port)))
        yield client


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: presence", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    head = get(path, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers)
    return head.replace(b"GET", b"POST", 1) + body


def send_what_is_taken(client: socket.socket, data: bytes) -> None:
    """Send without waiting for a server that reads no more, or has closed."""
    client.setblocking(False)
    with suppress(BlockingIOError, ConnectionError):
        while data:
            data = data[client.send(data) :]
    client.settimeout(PATIENCE_SECONDS)


def read_all(client: socket.socket) -> int:
    """Read to the end; how many bytes there were."""
    count = 0
    with suppress(ConnectionError):
        while piece := client.recv(1 << 20):
            count += len(piece)
    return count


def statuses(stage: Stage, *requests: Iterable[dict[str, Any]]) -> Counter[int]:
    """What requests are answered: each kind one after the other, over few connections."""
    netloc, found = urlsplit(stage.server.url).netloc, Counter[int]()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(closing(HTTPConnection(netloc, timeout=PATIENCE_SECONDS)))
            for _ in range(4)
        ]
        for number, request in enumerate(chain(*requests)):
            client = clients[number % len(clients)]
            client.request(**request)
            with client.getresponse() as answer:
                answer.read()
                found[answer.status] += 1
    return found
