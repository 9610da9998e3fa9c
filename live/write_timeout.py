"""The time limit for a client that does not read its answer."""

import asyncio
from collections.abc import Callable
from time import monotonic

from live.wheel import Limit, Wheel

STALLED_SECONDS = 30.0  # contract.md, "Endpoints"
LOOK_SECONDS = 2.0


class WriteTimeout:
    """Watches one connection for as long as something that was written to it is unsent."""

    __slots__ = ("_answers", "_at_last_look", "_end", "_limit", "_moved_at", "_transport", "_wheel")

    def __init__(
        self,
        wheel: Wheel,
        transport: asyncio.Transport,
        end: Callable[[], None],
    ) -> None:
        """
        :param end: called when nothing has been sent for too long
        """
        self._wheel = wheel
        self._transport = transport
        self._end = end
        self._answers = 0
        self._at_last_look: tuple[int, int] | None = None
        self._moved_at = 0.0
        self._limit: Limit | None = None

    def wrote(self) -> None:
        """An answer was written."""
        self._answers += 1
        if self._limit is None:
            self._limit = self._wheel.call_later(LOOK_SECONDS, self._look)

    def stop(self) -> None:
        """The connection has ended. Drop the references to it, without the collector."""
        if self._limit is not None:
            self._limit.cancel()
        self._end = _do_nothing

    def _look(self) -> None:
        self._limit = None
        unsent = self._transport.get_write_buffer_size()
        if unsent == 0:
            self._at_last_look = None
            return  # the next answer starts it again
        # Answers count too: one may have replaced another of the same length.
        now, seen = monotonic(), (unsent, self._answers)
        if seen != self._at_last_look:
            self._at_last_look, self._moved_at = seen, now
        elif now - self._moved_at >= STALLED_SECONDS:
            self._end()
            return
        self._limit = self._wheel.call_later(LOOK_SECONDS, self._look)


def _do_nothing() -> None:
    pass
