"""Clients on raw connections, cheap enough that one core plays thousands of them."""

import asyncio
import re
import socket
import zlib
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from time import monotonic
from types import MappingProxyType
from typing import cast

from bench.common import Unable, percentile

PATH = "/v1/presence"
ADDRESSES = 250
KEPT_BYTES = 1000  # of a body, compressed or not: enough for the token of a session
CONNECTS_A_SECOND = 1_000  # not a storm: what is measured is what comes after
SETTLE_TURNS = 15
SETTLED_SECONDS = 0.25

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_TAG = re.compile(rb"\r\netag: ([^\r]+)", re.IGNORECASE)
_VERSION = re.compile(rb'{"version":(\d+)')
_GZIP = re.compile(rb"\r\ncontent-encoding: gzip", re.IGNORECASE)


def browser_headers(token: str | None) -> dict[str, str]:
    """What a browser sends with a fetch()."""
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    return {
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/142.0.0.0 Safari/537.36",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate, br, zstd",
        "Accept-Language": "en-US,en;q=0.9",
        **authorization,
        "Referer": "http://127.0.0.1/",
        "Sec-Ch-Ua": '"Chromium";v="142", "Not_A Brand";v="99"',
        "Sec-Ch-Ua-Mobile": "?0",
        "Sec-Ch-Ua-Platform": '"Linux"',
        "Sec-Fetch-Dest": "empty",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-origin",
    }


def request(
    method: str,
    path: str,
    token: str | None,
    body: bytes = b"",
    more: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The bytes of a request, with ``more`` headers."""
    headers = {"Host": "127.0.0.1", **browser_headers(token), **more}
    if method == "POST":
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Client(asyncio.Protocol):
    """One keep-alive connection, on which one request at a time is answered.

    :ivar asks_for_heads: the requests are HEAD, so that no answer has a body
    """

    asks_for_heads = False

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self._head = b""  # the beginning of an answer, until its head is whole
        self._start = b""  # the first bytes of its body
        self._left = 0  # bytes of its body still to come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._body(data)
            return
        data = self._head + data
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator:
            self._head = data
            return
        self._head, self._start = head, b""
        has_body = head[9:12] != b"304" and not self.asks_for_heads
        length = _LENGTH.search(head) if has_body else None
        self._left = int(length[1]) if length else 0
        self._body(body)

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        """An answer is there, ``start`` being the first bytes of its body."""
        raise NotImplementedError

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def _body(self, data: bytes) -> None:
        self._left -= len(data)
        if len(self._start) < KEPT_BYTES:
            self._start += data[:KEPT_BYTES]
        if self._left <= 0:
            head, self._head = self._head, b""
            self.answered(int(head[9:12]), head, _plain(head, self._start))


def _plain(head: bytes, start: bytes) -> bytes:
    """The first bytes of a body, which may be compressed."""
    if not _GZIP.search(head):
        return start
    return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(start)


class Caller(Client):
    """Asks, and waits for the answer; who asks meanwhile waits for their turn."""

    _answer: "asyncio.Future[tuple[int, bytes, bytes]]"

    def __init__(self) -> None:
        super().__init__()
        self._turn = asyncio.Lock()

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Status, head, and the first bytes of the body."""
        async with self._turn:
            if self.transport is None:
                raise Unable("the server closed a connection")
            self._answer = self.loop.create_future()
            self.transport.write(request)
            return await self._answer

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        if not self._answer.done():  # nobody waits for it any more
            self._answer.set_result((status, head, start))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(Unable("the server closed a connection"))


class Window:
    """What the clients saw in a stretch of time.

    :ivar latencies: seconds from when an answer should have been asked for to when it was there
    :ivar lateness: seconds by which this process itself was late to ask
    """

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.latencies = array("d")
        self.lateness = array("d")
        self.lost = 0

    @property
    def errors(self) -> int:
        return self.statuses.total() - self.statuses[200] - self.statuses[304]


class Poller(Client):
    """Polls every so many seconds, with the same bytes until the tag changes.

    :ivar seen: the versions that it saw, and when, by time.monotonic()
    """

    every_seconds = 2.0
    more: Mapping[str, str] = MappingProxyType({})  # headers

    def __init__(self, crowd: "Crowd", token: str) -> None:
        super().__init__()
        self.seen: list[tuple[int, float]] = []
        self._crowd = crowd
        self._token = token
        self._due = self._asked_at = 0.0
        self._compose(None)

    def begin(self, at: float) -> None:
        """Poll for the first time at ``at``, by time.monotonic()."""
        self._due = at
        self.loop.call_at(at, self._poll_on_time)

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        now = monotonic()
        window = self._crowd.window
        window.statuses[status] += 1
        window.latencies.append(now - self._asked_at)
        if status == 200:
            version, tag = _VERSION.match(start), _TAG.search(head)
            assert version is not None
            assert tag is not None
            self.seen.append((int(version[1]), now))
            self._compose(tag[1].decode())
        self._go_on(now)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self._crowd.is_over:
            self._crowd.window.lost += 1
            self._crowd.reopen(self)

    def _go_on(self, now: float) -> None:
        self._due += self.every_seconds
        if self._due > now:
            self.loop.call_at(self._due, self._poll_on_time)
        else:
            # The answer took so long that this poll is late: that counts as the server's time.
            self._poll(self._due)

    def _poll_on_time(self) -> None:
        now = monotonic()
        self._crowd.window.lateness.append(now - self._due)
        self._poll(now)

    def _poll(self, asked_at: float) -> None:
        if self.transport is not None and not self._crowd.is_over:
            self._asked_at = asked_at
            self.transport.write(self._request)

    def _compose(self, tag: str | None) -> None:
        more = self.more if tag is None else {**self.more, "If-None-Match": tag}
        self._request = request("GET", PATH, self._token, more=more)


class Crowd:
    """Many pollers of one server.

    :ivar window: what they see now; put a new one in its place to measure anew
    :ivar is_over: they ask no more
    """

    def __init__(self, port: int) -> None:
        self.window = Window()
        self.is_over = False
        self._port = port
        self._opened = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def gather(self, pollers: Sequence[Poller]) -> None:
        """Connect them, and let them poll, spread evenly over the time between two polls."""
        begun = monotonic()
        for number, poller in enumerate(pollers):
            await asyncio.sleep(begun + number / CONNECTS_A_SECOND - monotonic())
            await self.open(poller)
            # The golden ratio spreads the members of any one org as evenly as all of them.
            phase = number * 0.6180339887 % 1
            turns = monotonic() / poller.every_seconds
            poller.begin((ceil(turns - phase) + phase) * poller.every_seconds)

    async def settle(self) -> None:
        """Wait until everyone has polled twice, and nobody has to wait any more."""
        for _ in range(SETTLE_TURNS):
            self.window = Window()
            await asyncio.sleep(2 * Poller.every_seconds)
            if percentile(self.window.latencies, 99) < SETTLED_SECONDS:
                return
        raise Unable("the server does not keep up with so many clients")

    async def open(self, client: Client, office: int | None = None) -> None:
        """Connect ``client``, from one of many addresses: each has ports for some 28,000.

        :param office: clients of the same one have the same address
        """
        self._opened += 1
        number = self._opened if office is None else office
        connection = socket.socket()
        connection.bind((f"127.0.1.{1 + number % ADDRESSES}", 0))
        connection.connect(("127.0.0.1", self._port))
        connection.setblocking(False)
        await client.loop.create_connection(lambda: client, sock=connection)

    def reopen(self, poller: Poller) -> None:
        task = poller.loop.create_task(self.open(poller))
        task.add_done_callback(lambda _: poller.begin(monotonic()))
        task.add_done_callback(self._tasks.discard)
        self._tasks.add(task)
