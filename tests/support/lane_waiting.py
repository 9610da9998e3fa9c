"""What a client that is ready to wait may send, at random from a seed, and how long it waits."""

import asyncio
from random import Random

from hypothesis import strategies as st

from tests.support.lane_requests import GET, STEPS, Step, Stream
from tests.support.lane_streams import LISTED, settle
from tests.support.lane_tokens import Clock

ORIGIN = b"Origin: " + LISTED.encode()
SHAPES: list[tuple[bytes, tuple[bytes, ...], bytes, bytes]] = [
    *[(GET, (b"Prefer: wait=30",), b"", b"")] * 3,
    (GET, (b"Prefer: wait=1", ORIGIN), b"", b""),
    (GET, (b"Prefer: wait=5", b"Accept-Encoding: gzip", b"Request-Id: poll-1"), b"", b""),
    (GET, (b"Prefer: wait=30", b"Presence-Min-Version: 5"), b"", b""),
    (GET, (b"Prefer: wait=30", b"Connection: close"), b"", b""),
    (GET, (b"Prefer: wait=30", b"X-A: If-None-Match"), b"", b""),
]


class TimeOfOurOwn(asyncio.SelectorEventLoop):
    """Its timers, too, go by the time that a test moves."""

    def time(self) -> float:
        return Clock.now


class WaitingStream(Stream):
    """A client that asks again as soon as it was answered, and what happens meanwhile."""

    # A poll that is held takes several steps: hypothesis would draw too few of them.
    numbers = st.integers(0, 2**32).map(lambda seed: Random(seed).choices(range(2**16), k=30))
    _number = 0

    @property
    def steps(self) -> list[Step]:
        return [
            *[WaitingStream.go_on] * 120,
            *[WaitingStream.another] * 6,
            *[WaitingStream.wait] * 60,
            *[Stream.version] * 30,
            *[Stream.writing] * 6,
            WaitingStream.half_close,
            *dict.fromkeys(STEPS),
        ]

    @property
    def is_in_line(self) -> bool:
        """Whether a request waits for an answer to the one before it.

        Nothing is sent then: when the lane passes a held poll on, its connection reads one chunk
        more than the other before it stops to read.
        """
        return any(side.protocol._queue or side.transport.unread for side in self.sides)

    def send(self, data: bytes) -> None:
        if not self.is_in_line:
            super().send(data)

    async def go_on(self, number: int) -> None:
        """The same poll, with the tag of what is shown now, once the last one is answered."""
        if not self.sides[1].is_idle:
            await self.wait(number)
            return
        self.last = self.poll_of(self._number, SHAPES[self._number % len(SHAPES)])
        self.send(self.last)

    async def another(self, number: int) -> None:
        self._number = number
        await self.go_on(number)

    async def wait(self, number: int) -> None:
        """To the end of the time, or not; in steps of both sides' turns."""
        for _ in range(1 + number % 4):
            Clock.now += (0.4, 1.0, 5.0, 29.9)[number // 4 % 4]
            await settle(*self.sides)

    async def half_close(self, _number: int) -> None:
        if not self.is_in_line:
            for side in self.sides:
                side.transport.half_close()
