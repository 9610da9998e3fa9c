"""Many clients that poll, and what they see."""

import asyncio
import re
import socket
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from time import monotonic
from types import MappingProxyType

from bench.clients import PATH, Client, request
from bench.common import Unable, percentile

ADDRESSES = 250
CONNECTS_A_SECOND = 1_000  # not a storm: what is measured is what comes after
SETTLE_TURNS = 15
SETTLED_SECONDS = 0.25

_TAG = re.compile(rb"\r\netag: ([^\r]+)", re.IGNORECASE)
_VERSION = re.compile(rb'{"version":(\d+)')


class Window:
    """What the clients saw in a stretch of time.

    :ivar bytes_of_200s: what the bodies of changed polls had together
    :ivar heartbeats: the statuses that these were answered with
    :ivar latencies: seconds from when an answer should have been asked for to when it was there
    :ivar lateness: seconds by which this process itself was late to ask
    """

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.bytes_of_200s = 0
        self.heartbeats: Counter[int] = Counter()
        self.heartbeat_latencies = array("d")
        self.latencies = array("d")
        self.lateness = array("d")
        self.lost = 0

    @property
    def errors(self) -> int:
        refused_heartbeats = self.heartbeats.total() - self.heartbeats[204]
        return self.statuses.total() - self.statuses[200] - self.statuses[304] + refused_heartbeats


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
        self._is_asking = False
        self._tag: str | None = None
        self._compose()

    def begin(self, at: float) -> None:
        """Poll for the first time at ``at``, by time.monotonic()."""
        self._due = at
        self.loop.call_at(at, self._poll_on_time)

    def send(self, more: Mapping[str, str]) -> None:
        """Send these headers too, from the next poll on."""
        self.more = more
        self._compose()

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        now = monotonic()
        self._is_asking = False
        window = self._crowd.window
        window.statuses[status] += 1
        window.latencies.append(now - self._asked_at)
        if status == 200:
            window.bytes_of_200s += self.body_bytes
            version, tag = _VERSION.match(start), _TAG.search(head)
            assert version is not None
            assert tag is not None
            self.seen.append((int(version[1]), now))
            self._tag = tag[1].decode()
            self._compose()
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
            self._is_asking, self._asked_at = True, asked_at
            self.transport.write(self._request)

    def _compose(self) -> None:
        more = self.more if self._tag is None else {**self.more, "If-None-Match": self._tag}
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
