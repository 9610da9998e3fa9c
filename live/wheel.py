"""A timer wheel: the time limits of thousands of connections, which may be late by a moment.

A timer of the event loop for each of them would wake it for each. Here all that are due within one
step have one timer together, and are called a few in each turn of the loop.
"""

import asyncio
from collections.abc import Callable
from itertools import islice
from math import ceil
from weakref import WeakKeyDictionary

STEP_SECONDS = 0.25
CALLED_IN_A_TURN = 50  # of the loop: others have theirs in between


class Limit:
    """What is called at a time, unless it is cancelled before."""

    __slots__ = ("_act", "_step")

    def __init__(self, act: Callable[[], None], step: "dict[Limit, None]") -> None:
        self._act = act
        self._step = step
        step[self] = None

    def cancel(self) -> None:
        self._step.pop(self, None)
        self._act = _do_nothing

    def fire(self) -> None:
        self._act()


class Wheel:
    """The limits of one event loop. Only its thread touches them."""

    def __init__(self) -> None:
        self._steps: dict[int, dict[Limit, None]] = {}  # by number: those that are due at its end

    def call_later(self, seconds: float, act: Callable[[], None]) -> Limit:
        """Call ``act`` after so many seconds, or up to a step later."""
        loop = asyncio.get_running_loop()
        number = ceil((loop.time() + seconds) / STEP_SECONDS)
        step = self._steps.get(number)
        if step is None:
            step = self._steps[number] = {}
            loop.call_at(number * STEP_SECONDS, self._end, number)
        return Limit(act, step)

    def _end(self, number: int) -> None:
        _call(asyncio.get_running_loop(), self._steps.pop(number))


def wheel_of(loop: asyncio.AbstractEventLoop) -> Wheel:
    """The wheel that all connections of a loop share."""
    return _WHEELS.setdefault(loop, Wheel())


def _call(loop: asyncio.AbstractEventLoop, due: dict[Limit, None]) -> None:
    for limit in list(islice(due, CALLED_IN_A_TURN)):
        del due[limit]
        loop.call_soon(limit.fire)
    if due:
        loop.call_soon(_call, loop, due)


def _do_nothing() -> None:
    pass


_WHEELS: "WeakKeyDictionary[asyncio.AbstractEventLoop, Wheel]" = WeakKeyDictionary()
