"""A timer that runs once at a time."""

import asyncio
from collections.abc import Callable


class Timer:
    """
    :ivar is_running: it has been started, and neither cancelled nor fired
    """

    __slots__ = ("_handle", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        return self._handle is not None

    def start(self, seconds: float, act: Callable[[], None]) -> None:
        """Call ``act`` after so many seconds; a timer that is running goes on as it is."""
        if self._handle is None:
            self._handle = self._loop.call_later(seconds, self._fire, act)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self, act: Callable[[], None]) -> None:
        self._handle = None
        act()
