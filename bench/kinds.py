"""The kinds of writes that are measured, and who sends them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from time import monotonic
from typing import NamedTuple

from bench.clients import PATH, request
from bench.events import clock_in, clock_out, heartbeat, sign_in
from bench.world import BenchMember, BenchOrg

DUE_SECONDS = 16  # a second more than the 15 within which a heartbeat is not written again
SOON_SECONDS = 12

Work = Sequence[tuple[BenchOrg, BenchMember]]


class Group(NamedTuple):
    """Members of orgs of their own, and the callers that send what they do.

    :ivar members: of all its orgs together; each member belongs to one caller
    """

    members: int
    callers: int


FEW = Group(members=3_000, callers=64)
MANY = Group(members=10_000, callers=1_000)
CLOCKING = Group(members=3_000, callers=16)


class Kind(NamedTuple):
    """:ivar part: what a run can be limited to
    :ivar requests: what one caller sends for its members
    """

    name: str
    part: str
    group: Group
    requests: Callable[[Work], Iterator[bytes]]


def polls(work: Work) -> Iterator[bytes]:
    """One of each member, for the head of the answer alone."""
    yield from (request("HEAD", PATH, member.token) for _, member in work)


def heartbeats(work: Work) -> Iterator[bytes]:
    """One of each presence whose last one is long enough ago to be written."""
    for _, member in work:
        if monotonic() - member.beaten_at > DUE_SECONDS:
            member.beaten_at = monotonic()
            yield heartbeat(member)


def heartbeats_too_soon(work: Work) -> Iterator[bytes]:
    """More of the presences that have just sent one."""
    recent = [member for _, member in work if monotonic() - member.beaten_at < SOON_SECONDS]
    yield from cycle([heartbeat(member) for member in recent])


def switches(work: Work) -> Iterator[bytes]:
    yield from (clock_in(org, member) for org, member in cycle(work))


def clock_outs(work: Work) -> Iterator[bytes]:
    yield from (clock_out(org, member) for org, member in work if member.account)


def clock_ins(work: Work) -> Iterator[bytes]:
    yield from (clock_in(org, member) for org, member in work if not member.account)


def sign_ins(work: Work) -> Iterator[bytes]:
    yield from (sign_in(member) for _, member in cycle(work))


# In this order: everyone is clocked in at first, and again at the end.
KINDS = (
    Kind("heartbeat, 64 callers", "heartbeat", FEW, heartbeats),
    Kind("heartbeat, 1,000 callers", "heartbeat", MANY, heartbeats),
    Kind("heartbeat too soon, 1,000 callers", "heartbeat", MANY, heartbeats_too_soon),
    Kind("switch", "switch", CLOCKING, switches),
    Kind("clock-out", "clock", CLOCKING, clock_outs),
    Kind("clock-in", "clock", CLOCKING, clock_ins),
    Kind("sign-in", "sign-in", CLOCKING, sign_ins),
)
PARTS = tuple(dict.fromkeys(kind.part for kind in KINDS))
# An org of thousands in memory, or all its accounts in an answer, would be what is measured.
PARTS_IN_ONE_ORG = ("switch", "clock")
