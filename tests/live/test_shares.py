"""How threads are shared out: what may begin, in which order, and who waits in vain."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.shares import (
    OF_A_LANE_BYTES,
    OF_ONE_BYTES,
    OPERATORS,
    ORGS,
    PATIENCE_SECONDS,
    PATIENCE_WITH_SLOW_SECONDS,
    REPORTS,
    SLOW_FOR_SECONDS,
    SLOW_SECONDS,
    STRANGERS,
    WAITING_BYTES,
    Full,
    Owner,
    Shares,
    Turn,
)

THREADS, OF_ORGS, OF_STRANGERS, OF_REPORTS, OF_OPERATORS = 13, 7, 3, 2, 1
A_BIT = 0.01


class Process:
    """A process's shares, and a clock."""

    def __init__(self, threads: int = THREADS) -> None:
        self.now = 1000.0
        self.shares: Shares[Turn] = Shares(threads)

    def ask(self, *owners: Owner, body_bytes: int = 0) -> list[Turn]:
        """One request after the other, a bit later each."""
        turns = []
        for owner in owners:
            self.now += A_BIT
            turns.append(Turn(owner, body_bytes, self.now))
            self.shares.ask(turns[-1], self.now)
        return turns

    def end(self, *turns: Turn, after: float = A_BIT) -> list[Turn]:
        """Answer these. What begins then is returned, in its order."""
        self.now += after
        following: list[Turn] = []
        for turn in turns:
            self.shares.end(turn, self.now)
            following += self.shares.next(self.now)
        return following

    def pass_(self, seconds: float) -> list[Turn]:
        """Let time pass. What is refused then is returned."""
        self.now += seconds
        return self.shares.take_overdue(self.now)


def orgs(number: int, lane: str = ORGS) -> list[Owner]:
    return [Owner(lane, which) for which in range(number)]


def begun(turns: Iterable[Turn]) -> list[Turn]:
    return [turn for turn in turns if turn.begun_at is not None]


A, B, C = orgs(3)


def test_an_org_has_two_threads_and_its_requests_are_answered_as_they_came() -> None:
    process = Process()
    first, second, third, fourth = process.ask(A, A, A, A)
    assert begun([first, second, third, fourth]) == [first, second]
    assert process.end(second) == [third]
    assert process.end(first) == [fourth]


def test_the_second_thread_is_given_while_half_of_them_are_free() -> None:
    process = Process()
    assert len(begun(process.ask(A, A, B, B, C, C))) == 2 + 2 + 1
    assert len(begun(process.ask(*orgs(8)))) == OF_ORGS - 5


def test_orgs_take_turns_however_many_requests_one_has() -> None:
    process = Process()
    running = process.ask(*orgs(3 + OF_ORGS)[3:])
    busy = process.ask(*[A] * 10)
    of_b, of_c = process.ask(B, C)
    assert begun([*busy, of_b, of_c]) == []
    assert process.end(*running[:4]) == [busy[0], of_b, of_c]
    assert process.end(busy[0]) == [busy[1]]
    assert process.end(*running[4:]) == [busy[2]]


def test_a_locked_org_holds_one_thread() -> None:
    process = Process()
    locked = process.ask(*[A] * 20)
    stuck = begun(locked)
    assert len(stuck) == 2
    process.pass_(PATIENCE_SECONDS)
    assert process.end(*stuck) == []  # the others have waited in vain
    again = process.ask(A, A, A)
    assert begun(again) == again[:1]


def test_slow_orgs_together_hold_half_of_the_threads() -> None:
    process = Process()
    stuck = process.ask(*orgs(OF_ORGS))
    assert len(begun(stuck)) == OF_ORGS
    process.end(*stuck, after=SLOW_SECONDS)
    assert len(begun(process.ask(*orgs(OF_ORGS)))) == OF_ORGS // 2
    others = [Owner(ORGS, f"other {number}") for number in range(OF_ORGS)]
    assert len(begun(process.ask(*others))) == OF_ORGS - OF_ORGS // 2


def test_a_quick_answer_or_time_gives_an_org_its_share_back() -> None:
    for seconds in (A_BIT, SLOW_FOR_SECONDS):
        process = Process()
        process.end(*process.ask(A), after=SLOW_SECONDS)
        alone, waiting = process.ask(A, A)
        assert begun([alone, waiting]) == [alone]
        if seconds == A_BIT:
            assert process.end(alone) == [waiting]
        else:
            process.end(alone, waiting, after=seconds)
            process.pass_(seconds)
        assert len(begun(process.ask(A, A))) >= 1
        process = Process()
        process.end(*process.ask(A), after=SLOW_SECONDS)
        process.pass_(SLOW_FOR_SECONDS)
        assert len(begun(process.ask(A, A))) == 2


def test_who_has_waited_too_long_is_refused_sooner_with_a_slow_org() -> None:
    process = Process()
    process.end(*process.ask(A), after=SLOW_SECONDS)
    running, waiting = process.ask(A, A)
    assert process.pass_(PATIENCE_WITH_SLOW_SECONDS - A_BIT) == []
    assert process.pass_(2 * A_BIT) == [waiting]
    process.end(running)
    process = Process()
    reads = process.ask(Owner(REPORTS, "A"), Owner(REPORTS, "A"))
    assert process.pass_(PATIENCE_SECONDS - A_BIT) == []
    assert process.pass_(2 * A_BIT) == reads[1:]


def test_a_busy_org_that_is_not_slow_is_waited_for_longer() -> None:
    process = Process()
    running = process.ask(A, A)
    waiting = process.ask(*[A] * 40)
    refused = []
    for _ in range(9):
        running = process.end(*running, after=0.5)
        refused += process.pass_(0)
    assert len(refused) == len(waiting) - 2 * 8
    assert min(turn.asked_at for turn in refused) > max(turn.asked_at for turn in begun(waiting))


def test_what_waits_is_bounded_in_number_and_in_bytes() -> None:
    process = Process()
    most = OF_ONE_BYTES // WAITING_BYTES
    process.ask(A, A, *[A] * most)
    with pytest.raises(Full):
        process.ask(A)
    large = OF_ONE_BYTES // 4
    process.ask(B, B, B, B, B, body_bytes=large)
    with pytest.raises(Full):
        process.ask(B, body_bytes=large)
    # A body may be larger than what all that wait may have together.
    process.ask(C, C, body_bytes=4 * OF_ONE_BYTES)
    others = [Owner(ORGS, f"another {number}") for number in range(OF_A_LANE_BYTES // OF_ONE_BYTES)]
    with pytest.raises(Full):
        process.ask(*others * most)


def test_reports_strangers_and_operators_have_threads_of_their_own() -> None:
    process = Process()
    reports = process.ask(*[Owner(REPORTS, "A")] * 3, *orgs(3, REPORTS))
    assert len(begun(reports)) == OF_REPORTS
    assert len({turn.owner for turn in begun(reports)}) == OF_REPORTS
    assert len(begun(process.ask(*orgs(9, STRANGERS)))) == OF_STRANGERS
    assert len(begun(process.ask(*orgs(3, OPERATORS)))) == OF_OPERATORS
    assert len(begun(process.ask(*orgs(9)))) == OF_ORGS


def test_a_request_may_turn_out_to_be_an_orgs() -> None:
    process = Process()
    stranger = Owner(STRANGERS, "192.0.2.1")
    first, second, third, fourth = process.ask(*[stranger] * 4)
    assert begun([first, second, third, fourth]) == [first, second]
    assert process.shares.move(first, A, process.now)
    assert process.shares.move(first, A, process.now)
    assert [*process.shares.next(process.now)] == [third]
    assert process.shares.move(second, A, process.now)
    assert not process.shares.move(third, A, process.now)
    assert third.owner == stranger
    (waiting,) = process.ask(A)
    assert [*process.shares.next(process.now)] == [fourth]
    assert process.end(first) == [waiting]
    process.end(second)
    assert process.shares.move(third, A, process.now)


def test_nobody_overtakes_who_waits() -> None:
    process = Process()
    stranger = Owner(STRANGERS, "192.0.2.1")
    running = process.ask(A, A)
    (waiting,) = process.ask(A)
    (new,) = process.ask(stranger)
    process.shares.end(running[0], process.now)
    assert not process.shares.move(new, A, process.now)
    assert [*process.shares.next(process.now)] == [waiting]


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 7])
def test_few_threads_serve_all_kinds(threads: int) -> None:
    process = Process(threads)
    kinds = (ORGS, STRANGERS, REPORTS, OPERATORS)
    turns = process.ask(*(Owner(kind, number) for number in range(20) for kind in kinds))
    running = begun(turns)
    for _ in range(4):
        assert len(running) == threads
        running = process.end(*running)
    assert {turn.owner.lane for turn in begun(turns)} == set(kinds)


OWNERS = [Owner(kind, who) for kind in (ORGS, STRANGERS, REPORTS, OPERATORS) for who in range(3)]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "end", "move", "leave", "pass"]),
        st.sampled_from(OWNERS),
        st.integers(0, 20),
        st.floats(0, 2),
    ),
    max_size=80,
)


@given(threads=st.integers(1, THREADS), steps=STEPS)
def test_whatever_happens_no_thread_is_given_twice_and_none_is_idle(
    threads: int, steps: list[tuple[str, Owner, int, float]]
) -> None:
    now, shares, waiting, running = 0.0, Shares[Turn](threads), list[Turn](), list[Turn]()
    for step, owner, which, seconds in steps:
        if step == "ask":
            turn = Turn(owner, 0, now)
            (running if shares.ask(turn, now) else waiting).append(turn)
        elif step == "end" and running:
            shares.end(running.pop(which % len(running)), now)
        elif step == "move" and running:
            shares.move(running[which % len(running)], owner, now)
        elif step == "leave" and waiting:
            assert shares.give_up(waiting.pop(which % len(waiting)))
        elif step == "pass":
            now += seconds
            for turn in shares.take_overdue(now):
                waiting.remove(turn)
        for turn in shares.next(now):
            # The first of its owner.
            assert turn is next(each for each in waiting if each.owner == turn.owner)
            waiting.remove(turn)
            running.append(turn)
        assert len(running) <= threads
        assert sum(lane.begun for lane in shares.lanes.values()) == len(running)
        assert sum(lane.waiting for lane in shares.lanes.values()) == len(waiting)
        assert shares.are_wanted == bool(waiting)
        assert bool(running) or not waiting
    for turn in [*waiting]:
        shares.give_up(turn)
    for turn in running:
        shares.end(turn, now)
    assert all(not lane._shares and not lane._in_turn for lane in shares.lanes.values())
