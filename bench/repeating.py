"""Callers that ask again as soon as they are answered, and cost as little as Python lets them."""

import asyncio
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

from bench.clients import Client
from bench.common import Unable
from bench.crowd import Crowd
from bench.servers import Place, Server

ANSWERED_WITHIN_SECONDS = 30.0
DONE = (200, 201, 204)


@dataclass
class Cost:
    """What requests took, in one stretch of time or in several.

    :ivar server_cpu: seconds that the server's workers used of a core
    :ivar database_cpu: the same of PostgreSQL
    """

    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    seconds: float = 0
    server_cpu: float = 0
    database_cpu: float = 0

    @property
    def count(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        return self.count / self.seconds if self.seconds else 0


class Repeater(Client):
    """Sends one request after another; each must be answered with success."""

    def __init__(self) -> None:
        super().__init__()
        self._over: asyncio.Future[None] | None = None

    def repeat(
        self, requests: Iterator[bytes], latencies: "array[float]", until: float
    ) -> "asyncio.Future[None]":
        """Go on until there are no more ``requests``, or it is ``until`` by time.monotonic()."""
        self._requests, self._latencies, self._until = requests, latencies, until
        self._over = self.loop.create_future()
        self._ask(monotonic())
        return self._over

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        now = monotonic()
        self._latencies.append(now - self._asked_at)
        if status in DONE:
            self._ask(now)
        else:
            self._fail(f"a request was answered {status}: {start.decode(errors='replace')}")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._fail("the server closed a connection")

    def _ask(self, now: float) -> None:
        assert self._over is not None
        request = next(self._requests, None) if now < self._until else None
        if request is None:
            self._over.set_result(None)
        elif self.transport is None:
            self._fail("the server closed a connection")
        else:
            self._asked_at = now
            self.transport.write(request)

    def _fail(self, why: str) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_exception(Unable(why))


async def repeat(
    repeaters: Sequence[Repeater],
    requests: Sequence[Iterator[bytes]],
    cost: Cost,
    where: Place,
    server: Server,
    seconds: float,
) -> None:
    """Let each caller send its ``requests`` for so long, and add what that took to ``cost``."""
    crowd = Crowd(server.port)
    for repeater in repeaters:
        if repeater.transport is None:  # a server closes connections on which nothing is asked
            await crowd.open(repeater)
    begun = monotonic()
    server_cpu, database_cpu = server.cpu_seconds(), where.cpu_seconds()
    async with asyncio.timeout(seconds + ANSWERED_WITHIN_SECONDS):
        await asyncio.gather(
            *(
                repeater.repeat(each, cost.latencies, begun + seconds)
                for repeater, each in zip(repeaters, requests, strict=True)
            )
        )
    cost.seconds += monotonic() - begun
    cost.server_cpu += server.cpu_seconds() - server_cpu
    cost.database_cpu += where.cpu_seconds() - database_cpu
