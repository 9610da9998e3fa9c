"""A poll that is held, by the gate or by the lane.

The lane holds one without a request, a task or a future: it has a place among those who wait for a
change of its view, and a time limit.
"""

from collections.abc import Callable

from live.cached_poll import CachedPoll
from live.wheel import Limit, Wheel

HELD = "presence.held"  # in the scope of a poll that the lane has held and passes on


class HeldPoll:
    """
    :ivar cached: what is answered if nothing changes
    :ivar deadline: when it is answered at the latest, by ``time.monotonic()``
    :ivar is_due: there may be something to answer now
    """

    __slots__ = ("_judge", "_limit", "cached", "deadline", "is_due")

    def __init__(self, cached: CachedPoll, deadline: float) -> None:
        self.cached = cached
        self.deadline = deadline
        self.is_due = False
        self._limit: Limit | None = None
        self._judge: Callable[[], None] | None = None

    def wait(self, now: float, judge: Callable[[], None], wheel: Wheel) -> None:
        """Have ``judge`` called when there may be something to answer."""
        self._judge = judge
        self.cached.org.waiters.add(self.cached.view, self)
        seconds = min(self.deadline, self.cached.expires_at) - now
        self._limit = wheel.call_later(seconds, judge)

    def release(self) -> None:
        if self._judge is not None:
            self._judge()

    def leave(self) -> None:
        """Wait no more."""
        self.cached.org.waiters.remove(self.cached.view, self)
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._judge = None
