"""Clients of a running server that send a heartbeat each, and what they were told."""

import asyncio
from datetime import datetime
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from services.times import utc_now
from tests.support.connection import CUT_OFF, Connection
from tests.support.world import World, ago


class Member(NamedTuple):
    bearer: dict[str, str]
    presence_id: UUID


class Told(NamedTuple):
    """
    :ivar status: None where the connection was cut off
    """

    presence_id: UUID
    sent_at: datetime
    status: int | None
    seconds: float


class Beaters:
    """Each member's client: it polls once, and then sends heartbeats until it is told 204.

    :ivar sent: how many heartbeats
    """

    def __init__(self, url: str, members: list[Member], *, every_seconds: float = 0.0) -> None:
        self.sent = 0
        self.told: list[Told] = []
        self._clients = [(member, Connection(url)) for member in members]
        self._every_seconds = every_seconds

    @property
    def acknowledged(self) -> list[Told]:
        return [told for told in self.told if told.status == 204]

    @property
    def statuses(self) -> set[int | None]:
        return {told.status for told in self.told}

    def lost_in(self, world: World) -> list[Told]:
        """The acknowledged heartbeats that the database does not have."""
        at = {held.presence_id: held.last_heartbeat_at for held in world.held()}
        return [told for told in self.acknowledged if at[told.presence_id] < told.sent_at]

    async def connect(self) -> None:
        """Let all of them poll."""
        polls = (
            connection.ask("GET", "/v1/presence", **member.bearer)
            for member, connection in self._clients
        )
        assert {answer.status for answer in await asyncio.gather(*polls)} == {200}

    async def run(self) -> None:
        """Let one after the other begin."""
        await asyncio.gather(
            *(
                self._run(member, connection, number * self._every_seconds)
                for number, (member, connection) in enumerate(self._clients)
            )
        )

    async def _run(self, member: Member, connection: Connection, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        body = {"presence_id": str(member.presence_id)}
        status: int | None = None
        while status != 204:
            sent_at, begun = utc_now(), monotonic()
            self.sent += 1
            try:
                answer = await connection.ask("POST", "/v1/heartbeat", body, **member.bearer)
                status = answer.status
            except CUT_OFF:
                status = None
            self.told.append(Told(member.presence_id, sent_at, status, monotonic() - begun))
            if status != 204:
                await asyncio.sleep(0.1)
        connection.close()


def on_the_clock(world: World, count: int) -> list[Member]:
    """Members of whom nobody has heard for a minute."""
    members = []
    for number in range(count):
        ana = world.va(f"VA {number}")
        held = world.clock_in(ana, world.account(f"Account {number}"), ago(60))
        members.append(Member({"authorization": f"Bearer {world.token(ana)}"}, held.presence_id))
    return members
