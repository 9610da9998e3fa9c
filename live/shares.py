"""Who may have a thread next: the threads of a process, shared out between orgs.

docs/design.md, "Memory", has the rule. This is its logic alone: it is told the time, and starts
nothing.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

ORGS, STRANGERS, REPORTS, OPERATORS = "orgs", "strangers", "reports", "operators"

# For its turn and then a statement: so that a request is answered within 5 s (contract.md,
# "Errors"), whoever has the lock.
ANSWERED_SECONDS = 4.5
PATIENCE_SECONDS = 4.0
PATIENCE_WITH_SLOW_SECONDS = 0.5
SLOW_SECONDS = 1.0
SLOW_FOR_SECONDS = 10.0  # until a request of theirs is answered sooner
# Of requests that wait, in bytes; each counts for its body, its headers and what it takes besides.
WAITING_BYTES = 4096
OF_ONE_BYTES = 256 * WAITING_BYTES
OF_A_LANE_BYTES = 64 * OF_ONE_BYTES


class Full(Exception):
    """More requests of this owner wait than may."""


class Owner(NamedTuple):
    """Those whose requests have a share of the threads together.

    :ivar lane: ``ORGS``, ``STRANGERS``, ``REPORTS`` or ``OPERATORS``
    :ivar who: an org's id, or where strangers come from
    :ivar part: of what they ask, where the parts count apart
    """

    lane: str
    who: Hashable
    part: str = ""


class Turn:
    """One request's.

    :ivar asked_at: since when it has been waiting
    :ivar begun_at: since when it has had a thread for its owner; None while it waits
    :ivar locks_until: until when it may wait for locks then
    """

    __slots__ = ("asked_at", "begun_at", "locks_until", "owner", "size")

    def __init__(self, owner: Owner, body_bytes: int, asked_at: float) -> None:
        self.owner = owner
        self.size = WAITING_BYTES + body_bytes
        self.asked_at = asked_at
        self.begun_at: float | None = None
        self.locks_until = asked_at


AnyTurn = TypeVar("AnyTurn", bound=Turn)


class Share(Generic[AnyTurn]):
    """The requests of one owner."""

    __slots__ = ("begun", "bytes", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[AnyTurn] = deque()
        self.begun: list[AnyTurn] = []
        self.bytes = 0  # of those that wait


class Lane(Generic[AnyTurn]):
    """Threads for one kind of owners.

    :param of_one: how many of them an owner may have
    """

    def __init__(self, threads: int, *, of_one: int, patience_with_slow: float) -> None:
        self._threads = threads
        self._of_slow = max(1, threads // 2)
        self._of_one = of_one
        self._patience_with_slow = patience_with_slow
        self._shares: dict[Owner, Share[AnyTurn]] = {}
        self._in_turn: dict[Owner, None] = {}  # who waits; the first has waited longest for a turn
        self._slow_until: dict[Owner, float] = {}
        self._bytes = 0
        self.begun = 0

    @property
    def waiting(self) -> int:
        return sum(len(self._shares[owner].waiting) for owner in self._in_turn)

    def may_begin(self, owner: Owner, now: float) -> bool:
        """Whether there is a thread for one more request of ``owner``."""
        begun = len(self._share(owner).begun)
        if self.begun >= self._threads:
            return False
        if self.is_slow(owner, now):
            return not begun and self._begun_by_slow(now) < self._of_slow
        return not begun or (begun < self._of_one and self.begun < self._threads / 2)

    def is_slow(self, owner: Owner, now: float) -> bool:
        """Whether a request of the owner takes long, or one did and none has been quick since."""
        return self._slow_until.get(owner, now) > now or any(
            turn.begun_at is not None and turn.begun_at <= now - SLOW_SECONDS
            for turn in self._share(owner).begun
        )

    def is_waiting(self, owner: Owner) -> bool:
        return owner in self._in_turn

    def begin(self, turn: AnyTurn, now: float) -> None:
        turn.begun_at = now
        # Whether its org is locked shows only when it has waited. So that orgs that are locked in
        # the same moment soon have no more threads than slow ones may, all others give up then.
        turn.locks_until = turn.asked_at + ANSWERED_SECONDS
        if self.begun >= self._of_slow:
            turn.locks_until = min(turn.locks_until, now + SLOW_SECONDS)
        self._shares.setdefault(turn.owner, Share()).begun.append(turn)
        self.begun += 1

    def end(self, turn: AnyTurn, now: float) -> None:
        self._shares[turn.owner].begun.remove(turn)
        self.begun -= 1
        if turn.begun_at is not None and turn.begun_at <= now - SLOW_SECONDS:
            self._slow_until = {
                owner: until for owner, until in self._slow_until.items() if until > now
            }
            self._slow_until[turn.owner] = now + SLOW_FOR_SECONDS
        else:
            self._slow_until.pop(turn.owner, None)
        self._drop_if_idle(turn.owner)

    def wait(self, turn: AnyTurn) -> None:
        """:raises Full: too many wait already"""
        share = self._share(turn.owner)
        is_too_much = share.waiting and share.bytes + turn.size > OF_ONE_BYTES
        if is_too_much or self._bytes + turn.size > OF_A_LANE_BYTES:
            raise Full
        self._shares[turn.owner] = share
        self._in_turn.setdefault(turn.owner)
        share.waiting.append(turn)
        share.bytes += turn.size
        self._bytes += turn.size

    def next(self, now: float) -> AnyTurn | None:
        """The one that waits and may begin: each owner's oldest, one owner after the other."""
        if self.begun >= self._threads:
            return None
        for owner in self._in_turn:
            if self.may_begin(owner, now):
                turn = self._shares[owner].waiting[0]
                self.give_up(turn)
                if owner in self._in_turn:
                    del self._in_turn[owner]
                    self._in_turn[owner] = None
                return turn
        return None

    def give_up(self, turn: AnyTurn) -> None:
        """Let a request wait no longer."""
        share = self._shares[turn.owner]
        share.waiting.remove(turn)
        share.bytes -= turn.size
        self._bytes -= turn.size
        if not share.waiting:
            del self._in_turn[turn.owner]
        self._drop_if_idle(turn.owner)

    def overdue(self, now: float) -> list[AnyTurn]:
        """Those that have waited too long."""
        return [
            turn
            for owner in self._in_turn
            for turn in self._shares[owner].waiting
            if turn.asked_at <= now - self._patience_with(owner, now)
        ]

    def _patience_with(self, owner: Owner, now: float) -> float:
        return self._patience_with_slow if self.is_slow(owner, now) else PATIENCE_SECONDS

    def _begun_by_slow(self, now: float) -> int:
        return sum(
            len(share.begun)
            for owner, share in self._shares.items()
            if share.begun and self.is_slow(owner, now)
        )

    def _share(self, owner: Owner) -> Share[AnyTurn]:
        return self._shares.get(owner) or Share()

    def _drop_if_idle(self, owner: Owner) -> None:
        share = self._shares[owner]
        if not share.waiting and not share.begun:
            del self._shares[owner]


class Shares(Generic[AnyTurn]):
    """
    :param threads: how many there are for all lanes
    """

    def __init__(self, threads: int) -> None:
        reports = max(1, min(2, threads // 5))
        strangers = max(1, min(3, threads // 4))
        operators = 1
        orgs = max(1, threads - reports - strangers - operators)
        patience = PATIENCE_WITH_SLOW_SECONDS
        self._threads = threads
        self.lanes: dict[str, Lane[AnyTurn]] = {
            ORGS: Lane(orgs, of_one=2, patience_with_slow=patience),
            STRANGERS: Lane(strangers, of_one=2, patience_with_slow=patience),
            # They wait for no lock. Several at once are what a page asks for.
            REPORTS: Lane(reports, of_one=1, patience_with_slow=PATIENCE_SECONDS),
            OPERATORS: Lane(operators, of_one=1, patience_with_slow=PATIENCE_SECONDS),
        }
        self._in_turn = deque(self.lanes.values())

    def ask(self, turn: AnyTurn, now: float) -> bool:
        """Begin, or wait.

        :returns: whether it has begun
        :raises Full: too many of its owner wait already
        """
        lane = self.lanes[turn.owner.lane]
        if self._may_begin(turn.owner, now) and self._begun < self._threads:
            lane.begin(turn, now)
            return True
        lane.wait(turn)
        return False

    def next(self, now: float) -> Iterator[AnyTurn]:
        """Begin what may begin."""
        while self._begun < self._threads:
            for lane in self._in_turn:
                turn = lane.next(now)
                if turn is not None:
                    break
            else:
                return
            lane.begin(turn, now)
            self._in_turn.remove(lane)
            self._in_turn.append(lane)
            yield turn

    def end(self, turn: AnyTurn, now: float) -> None:
        """A request that had begun is answered."""
        self.lanes[turn.owner.lane].end(turn, now)

    def move(self, turn: AnyTurn, owner: Owner, now: float) -> bool:
        """Let a request that has begun go on as another owner's.

        :returns: False where others of that owner come first
        """
        if turn.owner == owner:
            return True
        if not self._may_begin(owner, now):
            return False
        self.end(turn, now)
        turn.owner = owner
        self.lanes[owner.lane].begin(turn, now)
        return True

    def give_up(self, turn: AnyTurn) -> bool:
        """Let a request wait no longer; False where it has begun."""
        if turn.begun_at is not None:
            return False
        self.lanes[turn.owner.lane].give_up(turn)
        return True

    def take_overdue(self, now: float) -> list[AnyTurn]:
        """Let those wait no longer that have waited too long."""
        overdue = [turn for lane in self.lanes.values() for turn in lane.overdue(now)]
        for turn in overdue:
            self.give_up(turn)
        return overdue

    @property
    def are_wanted(self) -> bool:
        """Whether any request waits."""
        return any(lane.waiting for lane in self.lanes.values())

    @property
    def _begun(self) -> int:
        return sum(lane.begun for lane in self.lanes.values())

    def _may_begin(self, owner: Owner, now: float) -> bool:
        lane = self.lanes[owner.lane]
        return not lane.is_waiting(owner) and lane.may_begin(owner, now)
