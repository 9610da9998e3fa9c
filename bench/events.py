"""Clock events over HTTP: members come, move and leave, so many times a second."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

from bench.clients import Caller, Crowd, request
from bench.common import Unable
from bench.world import Employee, Office

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
    """Makes events in ``offices``, the same ones in every run."""

    def __init__(self, crowd: Crowd, offices: Sequence[Office]) -> None:
        self.events: list[Event] = []
        self._crowd = crowd
        self._offices = offices
        self._random = Random(1)
        self._callers: list[Caller] = []

    async def connect(self) -> None:
        for _ in range(CALLERS):
            self._callers.append(Caller())
            await self._crowd.open(self._callers[-1])

    async def run(self, per_second: float, seconds: float) -> None:
        """Make events, evenly spaced, and wait for their answers."""
        begun = monotonic()
        made = []
        for number in range(round(per_second * seconds)):
            await asyncio.sleep(begun + number / per_second - monotonic())
            caller = self._callers[number % CALLERS]
            office = self._random.choice(self._offices)
            event = self._make(caller, office.id, next_event(office, self._random))
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


def next_event(office: Office, random: Random) -> bytes:
    """The request by which somebody in ``office`` comes, moves or leaves."""
    employee = random.choice(office.employees)
    if employee.account is None and office.free:
        return clock_in(office, employee)
    if employee.account is not None and office.free and random.random() < 0.5:
        return clock_in(office, employee)
    if employee.account is not None:
        return clock_out(office, employee)
    return next_event(office, random)


def clock_in(office: Office, employee: Employee) -> bytes:
    """Onto the account that has been free the longest, so that events may overtake each other."""
    left, employee.account = employee.account, office.free.popleft()
    if left is not None:
        office.free.append(left)
    return post("/v1/clock-in", employee, account_id=employee.account)


def clock_out(office: Office, employee: Employee) -> bytes:
    assert employee.account is not None
    office.free.append(employee.account)
    employee.account = None
    return post("/v1/clock-out", employee)


def post(path: str, employee: Employee, **body: Any) -> bytes:
    return request("POST", path, employee.token, json.dumps(body).encode())
