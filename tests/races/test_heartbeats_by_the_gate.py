"""Heartbeats at the gates of two processes, while their presences are switched and ended."""

import asyncio
import random
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from flask import Flask
from sqlalchemy import update

from live.application import Application
from live.heartbeat_outcome import Outcome
from models import Membership, Presence
from models.reach import EVERY_ORG
from services.errors import Refusal
from services.times import utc_now
from tests.support.asgi_client import started
from tests.support.beats import beat, became
from tests.support.races import assert_history_tells_all
from tests.support.world import World, ago

ACTS = 100
MOST_ACTS = 3000  # where memory is behind all the time
LIKELY = (Outcome.COMMITTED, Outcome.NOT_WRITTEN, Outcome.NOT_SHOWN)
BEHIND = timedelta(seconds=3)  # contract.md, "Credentials": the most that memory may be, ever
ENDINGS = {"clock_out", "force_clear", "expire", "switch"}


class Told(NamedTuple):
    presence_id: UUID
    sent_at: datetime
    status: int


class Day:
    """Everybody's, in which much happens at once."""

    def __init__(self, world: World) -> None:
        self.world, self.random = world, random.Random(3)
        self.maya = world.admin()
        self.members = [world.va(f"VA {number}") for number in range(3)]
        self.accounts = [world.account(f"Account {number}") for number in range(5)]
        self.bearers = {member.id: world.bearer(member) for member in self.members}
        self.presences: dict[UUID, list[UUID]] = defaultdict(list)  # by member, the newest last
        self.told: list[Told] = []
        self.is_over = False
        for member in self.members:
            self._clock_in(member)

    def pass_(self, so_far: Counter[Outcome]) -> None:
        """Let one thing happen after the other; the heartbeats do not wait for it.

        :param so_far: what became of heartbeats, of this test's and those before
        """
        before = so_far.copy()
        try:
            for number in range(MOST_ACTS):
                if number >= ACTS and all(so_far[likely] > before[likely] for likely in LIKELY):
                    break
                with suppress(Refusal):  # what has expired can't be cleared
                    self._act()
        finally:
            self.is_over = True

    def _act(self) -> None:
        held = {each.membership_id: each for each in self.world.held()}
        member = self.random.choice(self.members)
        if member.id not in held:
            self._clock_in(member)
            return
        presence = held[member.id]
        match self.random.randrange(5):
            case 0:
                self._clock_in(member)
            case 1:
                self.world.clock_out(member)
            case 2:
                account = next(a for a in self.accounts if a.id == presence.account_id)
                self.world.force_clear(self.maya, account)
            case 3:
                self._let_pass(presence.presence_id, 600)
                self.world.sweep()
            case 4:
                self._let_pass(presence.presence_id, 4000)

    def _clock_in(self, member: Membership) -> None:
        taken = {held.account_id for held in self.world.held()}
        free = next(account for account in self.accounts if account.id not in taken)
        self.presences[member.id].append(self.world.clock_in(member, free).presence_id)

    def _let_pass(self, presence_id: UUID, seconds: float) -> None:
        """As if nothing had been heard of the presence for so long."""
        with self.world.database.write(EVERY_ORG) as session:
            session.execute(
                update(Presence)
                .where(Presence.id == presence_id)
                .values(last_heartbeat_at=ago(seconds))
            )

    async def keep_beating(self, member: Membership, processes: list[Application]) -> None:
        while not self.is_over:
            presence_id = self.random.choice(self.presences[member.id][-2:])
            process, sent_at = self.random.choice(processes), utc_now()
            answered = await beat(process, self.bearers[member.id], presence_id)
            self.told.append(Told(presence_id, sent_at, answered.status))


def test_what_has_ended_stays_ended_and_what_is_stale_comes_back_by_an_event(
    world: World, servers: list[Flask]
) -> None:
    day = Day(world)

    async def tell() -> None:
        async with started(servers[0]) as one, started(servers[1]) as other:
            with became(one) as outcomes:  # of both: they count together
                await asyncio.gather(
                    asyncio.to_thread(day.pass_, one.counters.heartbeats),
                    *(day.keep_beating(member, [one, other]) for member in day.members),
                )
        for likely in LIKELY:
            assert outcomes[likely] > 0, outcomes

    asyncio.run(tell())
    assert {told.status for told in day.told} == {204, 410}
    assert_history_tells_all(world)
    ended_at: dict[UUID | None, datetime] = {}
    is_stale: dict[UUID, bool] = {}
    for event in world.events():
        if event.kind in ENDINGS:
            ended = event.from_presence_id if event.kind == "switch" else event.presence_id
            ended_at[ended] = event.received_at
        is_stale[event.presence_id] = event.kind == "stale"
    for told in day.told:
        if told.status == 204 and told.presence_id in ended_at:
            assert told.sent_at < ended_at[told.presence_id] + BEHIND
    for held in world.held():
        assert (held.stale_since is not None) is is_stale[held.presence_id]
