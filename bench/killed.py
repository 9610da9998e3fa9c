"""bench killed: whether heartbeats that were acknowledged outlive the server that took them.

Many callers send heartbeats; in the midst of them every process of the server is killed with -9.
Then the database is asked when each presence was last heard of.
"""

import argparse
import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import NamedTuple

import uvloop
from sqlalchemy import select

from bench.clients import PATH, Client, request
from bench.common import CLIENT_CORE, Targets, allow_files, run, say_heading, say_table
from bench.crowd import Crowd
from bench.events import heartbeat
from bench.servers import Place, Server, gunicorn, place
from bench.world import BenchMember, build
from models import Presence
from models.reach import EVERY_ORG

BEATEN_AGO_SECONDS = 60  # long enough that every heartbeat is to be written
SETTLE_SECONDS = 3


class Acknowledged(NamedTuple):
    """A heartbeat that was answered 204, and when its request was sent."""

    presence_id: str
    sent_at: datetime


class Beater(Client):
    """For one of its members after another: polls, so that memory knows them, and sends a
    heartbeat; until the server is gone."""

    def __init__(self, members: Sequence[BenchMember]) -> None:
        super().__init__()
        self.acknowledged: list[Acknowledged] = []
        self.refused = 0
        self._members = iter(members)

    def begin(self) -> None:
        member = next(self._members, None)
        if member is not None and self.transport is not None:
            self._member = member
            self.asks_for_heads = True
            self.transport.write(request("HEAD", PATH, member.token))

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        if self.asks_for_heads:
            self._beat()
            return
        if status == 204:
            self.acknowledged.append(self._sent)
        else:
            self.refused += 1
        self.begin()

    def _beat(self) -> None:
        self.asks_for_heads = False
        assert self._member.presence_id is not None
        self._sent = Acknowledged(self._member.presence_id, datetime.now(UTC))
        if self.transport is not None:
            self.transport.write(heartbeat(self._member))


class Round(NamedTuple):
    acknowledged: int
    refused: int
    lost: int


def main(options: argparse.Namespace) -> None:
    say_heading("killed")
    allow_files(20_000)
    os.sched_setaffinity(0, {CLIENT_CORE})
    with (
        # What is killed removes no folder of its own.
        TemporaryDirectory(prefix="presence-bench-") as folder,
        place(options.database, PROMETHEUS_MULTIPROC_DIR=folder) as where,
    ):
        rounds = [one_round(where, options) for _ in range(options.rounds)]
    say_table(
        ("round", "acknowledged", "answered otherwise", "lost"),
        [
            (str(number), *(f"{value:,}" for value in each))
            for number, each in enumerate(rounds, start=1)
        ],
    )
    targets = Targets()
    targets.at_least("acknowledged", 1, sum(each.acknowledged for each in rounds))
    targets.at_most("lost", 0, sum(each.lost for each in rounds))
    targets.say()


def one_round(where: Place, options: argparse.Namespace) -> Round:
    members = options.members // options.orgs
    bench_orgs = build(
        where,
        orgs=options.orgs,
        members=members,
        occupied=members,
        beaten_ago=BEATEN_AGO_SECONDS,
    )
    in_turn = zip(*(org.people for org in bench_orgs), strict=True)
    people = [member for row in in_turn for member in row]
    with gunicorn("asgi:application", where, workers=options.workers) as server:
        beaters = uvloop.run(beat_and_kill(server, people, options))
    acknowledged = [each for beater in beaters for each in beater.acknowledged]
    return Round(
        acknowledged=len(acknowledged),
        refused=sum(beater.refused for beater in beaters),
        lost=count_lost(where, acknowledged),
    )


async def beat_and_kill(
    server: Server, people: Sequence[BenchMember], options: argparse.Namespace
) -> list[Beater]:
    await asyncio.sleep(SETTLE_SECONDS)
    crowd = Crowd(server.port)
    beaters = [Beater(people[number :: options.callers]) for number in range(options.callers)]
    for beater in beaters:
        await crowd.open(beater)
    for beater in beaters:
        beater.begin()
    while sum(len(beater.acknowledged) for beater in beaters) < len(people) * options.share:
        await asyncio.sleep(0.001)
    server.kill()
    while any(beater.transport is not None for beater in beaters):
        await asyncio.sleep(0.01)  # until what was on its way has arrived
    return beaters


def count_lost(where: Place, acknowledged: Sequence[Acknowledged]) -> int:
    """How many of them the database does not know of."""
    with where.database.read(EVERY_ORG) as session:
        rows = session.execute(select(Presence.id, Presence.last_heartbeat_at))
        last_heard = {str(id_): at for id_, at in rows}
    return sum(last_heard[each.presence_id] < each.sent_at for each in acknowledged)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench killed")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--callers", type=int, default=256)
    parser.add_argument("--members", type=int, default=4_000)
    parser.add_argument("--orgs", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--share", type=float, default=0.4, help="of the heartbeats, answered before the kill"
    )
    parser.add_argument("--workers", type=int, default=2)
    run(main, parser)
