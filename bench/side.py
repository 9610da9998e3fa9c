"""Ours or the plain peer: a server, the orgs in its database, and the callers of both."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.kinds import CLOCKING, Group, Kind, Work, clock_ins, polls
from bench.plain_peer import build_plain, serving_plain
from bench.repeating import Cost, Repeater, repeat
from bench.servers import FEEDS_PROVEN_SECONDS, Place, Server, gunicorn
from bench.world import BenchOrg, build

OURS, PEER = "ours", "plain peer"
BEATEN_AGO_SECONDS = 60  # long enough that the first heartbeat of each is written
SPARE = 100  # accounts, shared out to the orgs of a group, but for ten that each has
ALL_DONE_SECONDS = 30.0
WARM_UP_CALLERS = 16  # at once: a cold start under a storm is not what is measured


class Team(NamedTuple):
    """The callers of a group: each has members of its own, and one connection."""

    repeaters: Sequence[Repeater]
    works: Sequence[Work]


@dataclass
class Side:
    """:ivar costs: what each kind of request took, in all rounds together"""

    name: str
    where: Place
    server: Server
    orgs: Mapping[Group, list[BenchOrg]]
    costs: dict[str, Cost] = field(default_factory=dict)
    _teams: dict[Group, Team] = field(default_factory=dict)

    def gather(self) -> None:
        """Share the members out to callers."""
        for group, bench_orgs in self.orgs.items():
            # Of each org one, and then of each the next, so that callers seldom meet in one org.
            people = zip(*(org.people for org in bench_orgs), strict=True)
            in_turn = [pair for row in people for pair in zip(bench_orgs, row, strict=True)]
            works = [in_turn[number :: group.callers] for number in range(group.callers)]
            self._teams[group] = Team([Repeater() for _ in works], works)

    async def warm_up(self) -> None:
        """Let everyone who will send heartbeats poll once, as a client that is open does."""
        await asyncio.sleep(FEEDS_PROVEN_SECONDS)
        for group in self._teams.keys() - {CLOCKING}:
            repeaters, works = self._teams[group]
            for start in range(0, len(repeaters), WARM_UP_CALLERS):
                some = slice(start, start + WARM_UP_CALLERS)
                await self._poll(Team(repeaters[some], works[some]))

    async def measure(self, kind: Kind, seconds: float) -> None:
        team, cost = self._teams[kind.group], self.costs.setdefault(kind.name, Cost())
        await self._repeat(team, kind.requests, cost, seconds)
        if kind.requests is clock_ins:
            # Those who had no turn come back too, so that the next round begins as this one did.
            await self._repeat(team, clock_ins, Cost(), ALL_DONE_SECONDS)

    def close(self) -> None:
        for team in self._teams.values():
            for repeater in team.repeaters:
                repeater.close()

    async def _poll(self, team: Team) -> None:
        for repeater in team.repeaters:
            repeater.asks_for_heads = True
        await self._repeat(team, polls, Cost(), ALL_DONE_SECONDS)
        for repeater in team.repeaters:
            repeater.asks_for_heads = False

    async def _repeat(
        self,
        team: Team,
        requests: Callable[[Work], Iterator[bytes]],
        cost: Cost,
        seconds: float,
    ) -> None:
        each = [requests(work) for work in team.works]
        await repeat(team.repeaters, each, cost, self.where, self.server, seconds)


def our_side(stack: ExitStack, where: Place, groups: set[Group], orgs: int, workers: int) -> Side:
    worlds = {
        group: build(where, **_size(group, orgs), beaten_ago=BEATEN_AGO_SECONDS) for group in groups
    }
    server = stack.enter_context(gunicorn("asgi:application", where, workers=workers))
    return Side(OURS, where, server, worlds)


def peer_side(stack: ExitStack, where: Place, groups: set[Group], orgs: int, workers: int) -> Side:
    url = where.environment["DATABASE_URL"]
    worlds = {group: build_plain(url, **_size(group, orgs)) for group in groups}
    server = stack.enter_context(serving_plain(where, workers))
    return Side(PEER, where, server, worlds)


def _size(group: Group, orgs: int) -> dict[str, int]:
    members = group.members // orgs
    return {
        "orgs": orgs,
        "members": members,
        "occupied": members,
        "spare": 10 + SPARE // orgs,
    }
