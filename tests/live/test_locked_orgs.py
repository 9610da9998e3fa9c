"""Orgs that are locked in the same moment, in virtual time: who is answered when."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from live.shares import ORGS, SLOW_SECONDS, STRANGERS, Owner, Shares, Turn
from live.turns import LOOK_SECONDS

THREADS, OF_ORGS = 13, 7
QUICK_SECONDS = 0.005
WITHIN_SECONDS = 5.0  # contract.md, "Errors": 503 within the lock timeout, and a bit
LOCKED_SECONDS = 20.0


class Request(NamedTuple):
    """
    :ivar by_code: it is found to be its org's when it has a thread
    """

    at: float
    org: str
    is_locked: bool
    by_code: bool


class Process:
    """Threads that do what they would, and a clock that jumps from one event to the next."""

    def __init__(self, requests: list[Request]) -> None:
        self.now = 0.0
        self.answered_after: list[tuple[Request, float]] = []
        self._shares: Shares[Turn] = Shares(THREADS)
        self._asked: dict[Turn, Request] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        for number, request in enumerate(requests):
            where = Owner(STRANGERS, number) if request.by_code else Owner(ORGS, request.org)
            self._later(request.at, lambda r=request, o=where: self._ask(r, o, r.at))  # type: ignore[misc]

    def run(self) -> None:
        looks = 0
        while self._events or self._shares.are_wanted:
            if not self._events or self._events[0][0] > looks * LOOK_SECONDS:
                self.now = max(self.now, looks * LOOK_SECONDS)
                looks += 1
                for turn in self._shares.take_overdue(self.now):
                    self._answer(turn)
            else:
                self.now, _, act = heapq.heappop(self._events)
                act()
            for turn in self._shares.next(self.now):
                self._work(turn)

    def _later(self, at: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), act))

    def _ask(self, request: Request, owner: Owner, asked_at: float) -> None:
        turn = Turn(owner, 0, asked_at)
        self._asked[turn] = request
        if self._shares.ask(turn, self.now):
            self._work(turn)

    def _work(self, turn: Turn) -> None:
        """In a thread."""
        request = self._asked[turn]
        if turn.owner.lane == STRANGERS:
            self._later(self.now + QUICK_SECONDS, lambda: self._tell(turn))
        elif request.is_locked and self.now < LOCKED_SECONDS:
            until = min(max(turn.locks_until, self.now), LOCKED_SECONDS)
            self._later(until, lambda: self._end(turn))
        else:
            self._later(self.now + QUICK_SECONDS, lambda: self._end(turn))

    def _tell(self, turn: Turn) -> None:
        request = self._asked[turn]
        owner = Owner(ORGS, request.org)
        if self._shares.move(turn, owner, self.now):
            self._work(turn)
        else:
            self._shares.end(turn, self.now)
            self._ask(request, owner, turn.asked_at)

    def _end(self, turn: Turn) -> None:
        self._shares.end(turn, self.now)
        self._answer(turn)

    def _answer(self, turn: Turn) -> None:
        self.answered_after.append((self._asked[turn], self.now - turn.asked_at))


def requests_of(orgs: st.SearchStrategy[str], *, are_locked: bool) -> st.SearchStrategy[Request]:
    at = st.one_of(st.just(0.0), st.floats(0, 8))
    return st.builds(Request, at, orgs, st.just(are_locked), st.booleans())


LOCKED = st.sampled_from([f"locked {number}" for number in range(OF_ORGS + 2)])
OTHERS = st.sampled_from([f"other {number}" for number in range(3)])
ALL_AT_ONCE = [
    Request(0.0, f"locked {number}", is_locked=True, by_code=by_code)
    for by_code in (False, True)
    for number in range(OF_ORGS + 2)
]


@given(
    st.lists(requests_of(LOCKED, are_locked=True), max_size=60),
    st.lists(requests_of(OTHERS, are_locked=False), min_size=1, max_size=20),
)
@example(ALL_AT_ONCE, [Request(0.1, "other", is_locked=False, by_code=True)])
def test_all_are_answered_in_time_and_others_do_not_wait_for_locks(
    locked: list[Request], others: list[Request]
) -> None:
    process = Process(locked + others)
    process.run()
    assert len(process.answered_after) == len(locked) + len(others)
    for request, seconds in process.answered_after:
        bound = WITHIN_SECONDS if request.is_locked else SLOW_SECONDS + LOOK_SECONDS
        assert seconds < bound, request
