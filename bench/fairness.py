"""bench fairness: what everyone else notices while one org's row is locked.

Members of many orgs switch accounts and sign in, first alone. Then another transaction locks the
row of one org, whose members send as many requests as they are let, and the others go on.
Workers on one core, the callers on the other; PostgreSQL where the kernel puts it.
"""

import argparse
import asyncio
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle
from time import monotonic

import psycopg2
import uvloop

from bench.clients import Client
from bench.common import (
    CLIENT_CORE,
    Targets,
    milliseconds,
    percentile,
    run,
    say_heading,
    say_table,
)
from bench.crowd import Crowd
from bench.events import clock_in, sign_in
from bench.servers import FEEDS_PROVEN_SECONDS, Place, gunicorn, place
from bench.world import BenchMember, BenchOrg, build
from models.database import LOCK_TIMEOUT_SECONDS

OTHERS_SWITCHING, OTHERS_SIGNING_IN = 12, 4
LOCKED_SWITCHING, LOCKED_SIGNING_IN = 48, 16
LAST_ANSWERS_SECONDS = 30.0
RATIO = 2  # of p99s, with the lock and without

Work = Iterator[tuple[BenchOrg, BenchMember]]


@dataclass
class Seen:
    """What a group of callers was answered.

    :ivar answers: by status, and whether they said when to come again
    """

    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    answers: Counter[str] = field(default_factory=Counter)


class Persistent(Client):
    """Asks again as soon as it is answered, whatever the answer, but for ``patience`` seconds
    after one that says when to come again."""

    def __init__(self, requests: Iterator[bytes], patience: float) -> None:
        super().__init__()
        self.seen = Seen()
        self._requests = requests
        self._patience = patience
        self._is_over = self._is_asking = False

    def begin(self, seen: Seen) -> None:
        self.seen, self._is_over = seen, False
        self._ask()

    async def end(self) -> None:
        self._is_over = True
        while self._is_asking:
            await asyncio.sleep(0.01)

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        self.seen.latencies.append(monotonic() - self._asked_at)
        says_when = b"\r\nretry-after: " in head.lower()
        self.seen.answers[f"{status}{' with Retry-After' if says_when else ''}"] += 1
        self._is_asking = False
        if says_when and self._patience:
            self.loop.call_later(self._patience, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        if not self._is_over and self.transport is not None:
            self._is_asking, self._asked_at = True, monotonic()
            self.transport.write(next(self._requests))


def main(options: argparse.Namespace) -> None:
    say_heading("fairness")
    os.sched_setaffinity(0, {CLIENT_CORE})
    with place("postgresql") as where:
        members = options.members // options.orgs
        bench_orgs = build(
            where, orgs=options.orgs + 1, members=members, occupied=members, spare=100
        )
        with gunicorn("asgi:application", where, workers=options.workers) as server:
            uvloop.run(observe(where, server.port, bench_orgs, options))


async def observe(
    where: Place, port: int, bench_orgs: Sequence[BenchOrg], options: argparse.Namespace
) -> None:
    await asyncio.sleep(FEEDS_PROVEN_SECONDS)
    crowd = Crowd(port)
    locked, *others = bench_orgs
    switching = await callers(crowd, switches(others), OTHERS_SWITCHING)
    signing_in = await callers(crowd, sign_ins(others), OTHERS_SIGNING_IN)
    await stretch(options.warm_up, (switching, Seen()), (signing_in, Seen()))
    alone, signing_in_alone = Seen(), Seen()
    await stretch(options.seconds, (switching, alone), (signing_in, signing_in_alone))
    beside, signing_in_beside, refused = Seen(), Seen(), Seen()
    # Only now: the server closes a connection on which nothing is asked.
    patience = 0 if options.impatient else 1
    theirs = [
        *await callers(crowd, switches([locked]), LOCKED_SWITCHING, patience),
        *await callers(crowd, sign_ins([locked]), LOCKED_SIGNING_IN, patience),
    ]
    with closing(psycopg2.connect(where.environment["DATABASE_URL"])) as connection:
        connection.cursor().execute(
            "SELECT FROM presence.orgs WHERE id = %s FOR UPDATE", [str(locked.id)]
        )
        await stretch(
            options.seconds,
            (switching, beside),
            (signing_in, signing_in_beside),
            (theirs, refused),
        )
    report(
        {
            "switch, alone": alone,
            "switch, one org locked": beside,
            "sign-in, alone": signing_in_alone,
            "sign-in, one org locked": signing_in_beside,
            "in the locked org": refused,
        },
        options.seconds,
    )


async def callers(
    crowd: Crowd, requests: Iterator[bytes], count: int, patience: float = 0
) -> list[Persistent]:
    opened = [Persistent(requests, patience) for _ in range(count)]
    for caller in opened:
        await crowd.open(caller)
    return opened


async def stretch(seconds: float, *groups: tuple[Sequence[Persistent], Seen]) -> None:
    """Let these groups ask, for so long, and wait for the last answers."""
    for group, seen in groups:
        for caller in group:
            caller.begin(seen)
    await asyncio.sleep(seconds)
    async with asyncio.timeout(LAST_ANSWERS_SECONDS):
        await asyncio.gather(*(caller.end() for group, _ in groups for caller in group))


def switches(bench_orgs: Sequence[BenchOrg]) -> Iterator[bytes]:
    return (clock_in(org, member) for org, member in in_turn(bench_orgs))


def sign_ins(bench_orgs: Sequence[BenchOrg]) -> Iterator[bytes]:
    return (sign_in(member) for _, member in in_turn(bench_orgs))


def in_turn(bench_orgs: Sequence[BenchOrg]) -> Work:
    """Of each org one, and then of each the next, over and over."""
    rows = zip(*(org.people for org in bench_orgs), strict=True)
    return cycle(
        [(org, member) for row in rows for org, member in zip(bench_orgs, row, strict=True)]
    )


def report(groups: dict[str, Seen], seconds: float) -> None:
    say_table(
        ("", "a second", "p50", "p99", "max", "answers"),
        [
            (
                name,
                f"{len(seen.latencies) / seconds:,.0f}",
                *(milliseconds(percentile(seen.latencies, percent)) for percent in (50, 99, 100)),
                ", ".join(f"{status}: {count:,}" for status, count in seen.answers.items()),
            )
            for name, seen in groups.items()
        ],
    )
    targets = Targets()
    for name in ("switch", "sign-in"):
        alone, beside = (groups[f"{name}, {how}"] for how in ("alone", "one org locked"))
        p99s = [percentile(seen.latencies, 99) for seen in (beside, alone)]
        targets.at_most(f"{name}, p99 with / without", RATIO, p99s[0] / p99s[1])
        targets.at_most(f"{name}, refused", 0, _other_than_success(beside))
    refused = groups["in the locked org"]
    # The last ones waited for the lock's end, or had the whole lock timeout before them.
    targets.at_most(
        "in the locked org, answered after",
        LOCK_TIMEOUT_SECONDS + 1,
        percentile(refused.latencies, 100),
        " s",
    )
    without = sum(n for status, n in refused.answers.items() if status == "503")
    targets.at_most("in the locked org, 503 without Retry-After", 0, without)
    targets.say()


def _other_than_success(seen: Seen) -> int:
    return sum(count for status, count in seen.answers.items() if not status.startswith("20"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench fairness")
    parser.add_argument("--orgs", type=int, default=100, help="beside the one that is locked")
    parser.add_argument("--members", type=int, default=4_000, help="of all of them")
    parser.add_argument("--seconds", type=float, default=20, help="alone, and with one org locked")
    parser.add_argument("--warm-up", type=float, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--impatient", action="store_true", help="the locked org's callers do not heed Retry-After"
    )
    run(main, parser)
