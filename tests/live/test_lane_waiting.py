"""A poll that the lane holds is answered when, and as, one that the gate holds: byte for byte."""

from collections.abc import Iterator

import pytest
from hypothesis import Phase

import live.lane
from tests.support.lane_play import drive, mutant_of
from tests.support.lane_streams import with_lane
from tests.support.lane_waiting import TimeOfOurOwn, WaitingStream

STREAMS = 600


@pytest.fixture
def loop() -> Iterator[TimeOfOurOwn]:
    loop = TimeOfOurOwn()
    try:
        yield loop
    finally:
        loop.close()


def test_the_lane_holds_as_the_gate_does(loop: TimeOfOurOwn) -> None:
    lane = with_lane()
    drive(loop, lane, STREAMS, WaitingStream, phases=[Phase.generate])
    assert lane.counters.by_lane > STREAMS / 4


# Text of the lane, and what stands there in a lane that is broken.
MUTANTS = {
    "a change": ("        if not cached.is_fresh(now):\n", "        if False:\n"),
    "to read on": ("        self.flow.resume_reading()\n", ""),
    "the end of the time": ("        if now < held.deadline:\n", "        if True:\n"),
    "as long again": (
        "HeldPoll(following, held.deadline)",
        "HeldPoll(following, now + 30)",
    ),
    "what is applied": ("following.wire_with(headers)", "following.wire"),
    "applied to a change": ("[*answer.headers, *headers]", "answer.headers"),
    "bytes that come meanwhile": (
        "        self._pass_on()\n        is_between",
        "        is_between",
    ),
    "the time that has passed": ("            scope[HELD] = held\n", ""),
    "a client that half-closes": (
        "        self._pass_on()\n        return super().eof",
        "        return super().eof",
    ),
    "a client that does not read": (
        "        self._pass_on()\n        super().pause",
        "        super().pause",
    ),
    "a client that has gone": (
        "        self._drop_held()\n        self._cached = self._cand",
        "        self._cached = self._cand",
    ),
    "the end of the server": (
        "        self._pass_on()\n        self._cached = None\n        super().shutdown",
        "        self._cached = None\n        super().shutdown",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_lane_that_holds_otherwise_is_caught(loop: TimeOfOurOwn, name: str) -> None:
    lane = with_lane(mutant_of(live.lane, *MUTANTS[name]))
    with pytest.raises(AssertionError):
        drive(loop, lane, STREAMS, WaitingStream, phases=[Phase.generate])
