"""Time limits of many connections share timers of the loop."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from live.wheel import CALLED_IN_A_TURN, STEP_SECONDS, Limit, Wheel, wheel_of
from tests.support.lane_tokens import Clock
from tests.support.lane_waiting import TimeOfOurOwn


class Counting(TimeOfOurOwn):
    """Counts its timers."""

    timers = 0

    def call_at(self, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:  # type: ignore[override]
        self.timers += 1
        return super().call_at(*args, **kwargs)


@pytest.fixture
def loop() -> Iterator[Counting]:
    loop = Counting()
    try:
        yield loop
    finally:
        loop.close()


async def until(now: float) -> None:
    Clock.now = now
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_limit_is_never_early_and_at_most_a_step_late(loop: Counting) -> None:
    async def play() -> None:
        wheel, called = Wheel(), list[int]()
        await until(100.0)
        for number in range(40):
            wheel.call_later(number / 16, partial(called.append, number))
        now = 100.0
        while now < 103:
            await until(now)
            assert all(100 + number / 16 <= now for number in called)
            assert {number for number in range(40) if 100 + number / 16 <= now - STEP_SECONDS} <= {
                *called
            }
            now += 1 / 32
        assert sorted(called) == list(range(40))

    loop.run_until_complete(play())


def test_limits_of_one_step_share_a_timer(loop: Counting) -> None:
    async def play() -> None:
        wheel = Wheel()
        for _ in range(1000):
            wheel.call_later(30, lambda: None)
        assert loop.timers == 1
        wheel.call_later(30 + STEP_SECONDS, lambda: None)
        assert loop.timers == 2

    loop.run_until_complete(play())


def test_thousands_are_called_a_few_in_a_turn(loop: Counting) -> None:
    async def play() -> None:
        wheel, called = Wheel(), list[int]()
        for number in range(3 * CALLED_IN_A_TURN):
            wheel.call_later(0, partial(called.append, number))
        Clock.now += STEP_SECONDS
        most, before = 0, 0
        while len(called) < 3 * CALLED_IN_A_TURN:
            await asyncio.sleep(0)
            most, before = max(most, len(called) - before), len(called)
        assert most == CALLED_IN_A_TURN
        assert called == list(range(3 * CALLED_IN_A_TURN))

    loop.run_until_complete(play())


def test_what_is_cancelled_is_not_called(loop: Counting) -> None:
    """Not even where another cancels it that is due at the same time."""

    async def play() -> None:
        wheel, limits, called = Wheel(), list[Limit](), list[int]()

        def act(number: int) -> None:
            called.append(number)
            for limit in limits[1:]:
                limit.cancel()

        limits += [wheel.call_later(1, partial(act, number)) for number in range(200)]
        wheel.call_later(1, partial(called.append, -1))
        limits[100].cancel()
        await until(Clock.now + 2)
        assert called == [0, -1]

    loop.run_until_complete(play())


def test_one_that_fails_does_not_stop_the_others(loop: Counting) -> None:
    async def play() -> None:
        wheel, called = Wheel(), list[int]()
        failed: list[object] = []
        loop.set_exception_handler(lambda _loop, context: failed.append(context["exception"]))
        wheel.call_later(1, partial(called.remove, 0))
        wheel.call_later(1, partial(called.append, 1))
        await until(Clock.now + 2)
        assert called == [1]
        assert [type(each) for each in failed] == [ValueError]

    loop.run_until_complete(play())


def test_a_loop_has_one_wheel(loop: Counting) -> None:
    assert wheel_of(loop) is wheel_of(loop)
    another = asyncio.new_event_loop()
    try:
        assert wheel_of(another) is not wheel_of(loop)
    finally:
        another.close()
