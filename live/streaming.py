"""Answers in pieces: each is made when the connection has taken the one before.

What they are made of stays in memory until their client has read them, so their number is bounded.
"""

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from live.asgi import RawHeaders, Send
from live.request_cycle import ClientGone
from live.wsgi import Rest

# docs/security.md, "What costs, and how it is bounded": open at once, of each process.
MOST = 32
OF_ONE = 4


class TooMany(Exception):
    """More answers are being read than may, of one org or of all."""


class Streaming:
    """Those of one process. Pieces take nothing of the database, so one thread makes them all."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pieces")
        self._open: Counter[Hashable] = Counter()

    async def send(
        self,
        whose: Hashable,
        status: int,
        headers: RawHeaders,
        first: bytes,
        rest: Rest,
        send: Send,
    ) -> None:
        """Send an answer piece by piece.

        Where making one fails, the exception lets the server end the connection within the answer.

        :param whose: the org that it is for
        :raises TooMany: nothing has been sent
        """
        loop = asyncio.get_running_loop()
        piece: bytes | None = first
        try:
            with self._place(whose):
                await send({"type": "http.response.start", "status": status, "headers": headers})
                while piece is not None:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    piece = await loop.run_in_executor(self._thread, rest.next)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except ClientGone:
            pass
        finally:
            await loop.run_in_executor(self._thread, rest.close)

    @contextmanager
    def _place(self, whose: Hashable) -> Iterator[None]:
        """:raises TooMany: there is none"""
        if self._open[whose] >= OF_ONE or self._open.total() >= MOST:
            raise TooMany
        self._open[whose] += 1
        try:
            yield
        finally:
            self._open[whose] -= 1
            self._open += Counter()  # without those that have none
