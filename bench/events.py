"""Clock events over HTTP: members come, move and leave, so many times a second."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

from bench.clients import Caller, request
from bench.common import Unable
from bench.crowd import Crowd
from bench.world import BenchMember, BenchOrg

CALLERS = 8
ANSWER_SECONDS = 10.0

_VERSION = re.compile(rb"\r\npresence-version: (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """A change that was answered; ``sent_at`` is by time.monotonic()."""

    org_id: UUID
    version: int
    sent_at: float


class Clocking:
    """Makes events in ``bench_orgs``, the same ones in every run."""

    def __init__(self, crowd: Crowd, bench_orgs: Sequence[BenchOrg]) -> None:
        self.events: list[Event] = []
        self._crowd = crowd
        self._orgs = bench_orgs
        self._random = Random(1)
        self._callers: list[Caller] = []

    async def connect(self) -> None:
        for _ in range(CALLERS):
            self._callers.append(Caller())
            await self._crowd.open(self._callers[-1])
        self._in_turn = cycle(self._callers)

    async def run(self, per_second: float, seconds: float) -> None:
        """Make events, evenly spaced, and wait for their answers."""
        begun = monotonic()
        made = []
        for number in range(round(per_second * seconds)):
            await asyncio.sleep(begun + number / per_second - monotonic())
            caller = next(self._in_turn)
            org = self._random.choice(self._orgs)
            event = self._make(caller, org.id, next_event(org, self._random))
            made.append(asyncio.create_task(event))
        await asyncio.sleep(begun + seconds - monotonic())
        await asyncio.gather(*made)

    async def _make(self, caller: Caller, org_id: UUID, wanted: bytes) -> None:
        sent_at = monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, head, start = await caller.ask(wanted)
        except TimeoutError:
            raise Unable("a clock event was not answered in time") from None
        version = _VERSION.search(head)
        if status not in (200, 201) or version is None:
            raise Unable(f"a clock event was answered {status}: {start.decode(errors='replace')}")
        self.events.append(Event(org_id, int(version[1]), sent_at))


def next_event(org: BenchOrg, random: Random) -> bytes:
    """The request by which somebody in ``org`` comes, moves or leaves."""
    member = random.choice(org.people)
    if member.account is None and org.free:
        return clock_in(org, member)
    if member.account is not None and org.free and random.random() < 0.5:
        return clock_in(org, member)
    if member.account is not None:
        return clock_out(org, member)
    return next_event(org, random)


def clock_in(org: BenchOrg, member: BenchMember) -> bytes:
    """Onto the account that has been free the longest, so that events may overtake each other."""
    left, member.account = member.account, org.free.popleft()
    if left is not None:
        org.free.append(left)
    return post("/v1/clock-in", member, account_id=member.account)


def clock_out(org: BenchOrg, member: BenchMember) -> bytes:
    assert member.account is not None
    org.free.append(member.account)
    member.account = None
    return post("/v1/clock-out", member)


def heartbeat(member: BenchMember) -> bytes:
    return post("/v1/heartbeat", member, presence_id=member.presence_id)


def sign_in(member: BenchMember) -> bytes:
    body = json.dumps({"access_code": member.code}).encode()
    return request("POST", "/v1/sessions", None, body)


def post(path: str, member: BenchMember, **body: Any) -> bytes:
    return request("POST", path, member.token, json.dumps(body).encode())
