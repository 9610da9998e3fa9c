"""Streams played to two connections, of which one has the lane."""

import inspect
from asyncio import AbstractEventLoop
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, given, settings

from live.counters import Counters
from live.lane import LaneProtocol
from tests.support.lane_requests import Stream
from tests.support.lane_streams import Side, Truth, clock_of_our_own, settle
from tests.support.lane_tokens import Clock, Keys


class WithoutLane(LaneProtocol):
    counters = Counters()
    is_lane_open = False


def drive(
    loop: AbstractEventLoop,
    lane: type[LaneProtocol],
    streams: int,
    kind: type[Stream] = Stream,
    **options: Any,
) -> int:
    """Play so many streams.

    :returns: in how many of them the lane answered
    """
    used = 0

    @settings(
        max_examples=streams,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        **options,
    )
    @given(kind.numbers)
    def each(numbers: list[int]) -> None:
        nonlocal used
        before, Clock.now, truth = lane.counters.by_lane, 1.0, Truth()
        Keys.are_known = True
        sides = (Side(lane, truth, loop), Side(WithoutLane, truth, loop))
        loop.run_until_complete(_play(kind(sides, truth), numbers))
        used += lane.counters.by_lane > before

    with clock_of_our_own():
        each()
    return used


async def _play(stream: Stream, numbers: list[int]) -> None:
    sides = stream.sides
    try:
        for number in numbers:
            await stream.step(number)
        for side in sides:
            side.protocol.resume_writing()
        await settle(*sides)
        stream.compare()
    finally:
        for side in sides:
            side.protocol.resume_writing()
            side.transport.close()
        await settle(*sides)
    assert not any(side.state.tasks for side in sides)
    assert not any(org.waiters for side in sides for org in side.cache.orgs.values())


def mutant_of(module: ModuleType, sound: str, broken: str) -> ModuleType:
    """``module``, with something else in the place of what stands in it."""
    source = inspect.getsource(module)
    assert source.count(sound) == 1, sound
    mutant = ModuleType("mutant")
    exec(source.replace(sound, broken), vars(mutant))  # noqa: S102 - our own source
    vars(mutant)["monotonic"] = lambda: Clock.now
    return mutant
