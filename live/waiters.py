"""Those who wait for a change of an org's view."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from models.views import VIEWS, View

RELEASED_IN_A_TURN = 50  # of the loop: one change may release thousands


class Waiter(Protocol):
    def release(self) -> None:
        """There may be something else to answer now."""


class Waiters:
    """Those of one org, in the order in which they came."""

    __slots__ = ("_of_views",)

    def __init__(self) -> None:
        self._of_views: dict[View, dict[Waiter, None]] = {view: {} for view in VIEWS}

    def __len__(self) -> int:
        return sum(map(len, self._of_views.values()))

    def add(self, view: View, waiter: Waiter) -> None:
        """Have ``waiter`` released, once, at the next change of ``view``."""
        self._of_views[view][waiter] = None

    def remove(self, view: View, waiter: Waiter) -> None:
        self._of_views[view].pop(waiter, None)

    def release(self, views: Iterable[View]) -> None:
        """End the waiting for a change of these views."""
        released: list[Waiter] = []
        for view in views:
            released += self._of_views[view]
            self._of_views[view].clear()
        if released:
            _release(released)


def _release(waiters: list[Waiter]) -> None:
    """Release some in each turn of the loop; others have theirs in between."""
    loop = asyncio.get_running_loop()
    for waiter in waiters[:RELEASED_IN_A_TURN]:
        loop.call_soon(waiter.release)
    if len(waiters) > RELEASED_IN_A_TURN:
        loop.call_soon(_release, waiters[RELEASED_IN_A_TURN:])
