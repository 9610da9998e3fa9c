"""The express lane answers what the gate answers, byte for byte, whatever a client sends."""

import os
import sys
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import uvloop
from hypothesis import Phase

import live.cached_poll
import live.lane
from tests.support.lane_play import WithoutLane, drive, mutant_of
from tests.support.lane_streams import with_lane

# CONTRIBUTING.md: all 100,000 of them with PRESENCE_STREAMS=100000.
STREAMS = int(os.environ.get("PRESENCE_STREAMS", "2000"))
STREAMS_FOR_A_MUTANT = 2000


@pytest.fixture
def loop() -> Iterator[AbstractEventLoop]:
    loop = uvloop.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()


@pytest.mark.timeout(0 if STREAMS > 5_000 else 300)
def test_the_lane_differs_from_the_gate_in_nothing(loop: AbstractEventLoop) -> None:
    used = drive(loop, with_lane(), STREAMS)
    assert used > STREAMS / 4
    assert WithoutLane.counters.by_lane == 0


# Text of the lane, and what stands there in a lane that is broken.
MUTANTS = {
    "any bytes are the same": (live.lane, "            and data == self._request\n", ""),
    "an answer under way": (live.lane, "            and self.cycle.response_complete\n", ""),
    "draining": (
        live.lane,
        "        self._cached = None\n        super().shutdown",
        "        super().shutdown",
    ),
    "not a whole request": (live.lane, "            and self._heads == heads + 1\n", ""),
    "unread answers": (live.lane, "and not self.flow.write_paused ", ""),
    "members, versions": (live.cached_poll, "            and state.mark is self._mark\n", ""),
    "the lease": (live.cached_poll, "and now < self._cache.lease_until\n", "\n"),
    "an unread change": (live.cached_poll, "and now < org.fresh_until\n", "\n"),
    "the token's end": (live.cached_poll, "and now < self.expires_at\n", "\n"),
    "watching": (live.cached_poll, "org.polled_at = now\n", "pass\n"),
    "yesterday's date": (live.lane, "self._made_of is not default_headers", "not self._wire"),
    "who is not ready to wait": (
        live.lane,
        "                if cached.poll.wait_seconds:\n",
        "                if True:\n",
    ),
    "the tag of before": (
        live.lane,
        "self._request.replace(last.tag, following.tag)",
        "self._request",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_lane_is_caught(
    loop: AbstractEventLoop, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Else the streams would prove nothing."""
    module, sound, broken = MUTANTS[name]
    mutant = mutant_of(module, sound, broken)
    if module is live.cached_poll:
        lane = with_lane()
        ask_only_the_lane(mutant, monkeypatch)
    else:
        lane = with_lane(mutant)
    with pytest.raises(AssertionError):
        drive(loop, lane, STREAMS_FOR_A_MUTANT, phases=[Phase.generate])


def ask_only_the_lane(mutant: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the lane ask as the mutant does; the gate, which has the same questions, as ever."""
    sound = live.cached_poll.CachedPoll.is_fresh

    def ask(cached: Any, now: float) -> bool:
        is_lane = sys._getframe(1).f_code.co_name in ("data_received", "_judge_held")
        chosen = mutant.CachedPoll.is_fresh if is_lane else sound
        return bool(chosen(cached, now))

    monkeypatch.setattr(live.cached_poll.CachedPoll, "is_fresh", ask)
