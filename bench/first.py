"""bench first: what a first poll costs, after a cold start and on a new connection.

All members of many orgs poll once, each on a new connection: first with tokens that no worker has
seen, of orgs that none has in memory; then all once more. Workers on one core, the clients on the
other; PostgreSQL where the kernel puts it.
"""

import argparse
import asyncio
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from time import monotonic

import uvloop

from bench.clients import PATH, Caller, request
from bench.common import (
    CLIENT_CORE,
    Targets,
    allow_files,
    milliseconds,
    percentile,
    run,
    say_heading,
    say_table,
)
from bench.crowd import Crowd
from bench.servers import FEEDS_PROVEN_SECONDS, Place, Server, gunicorn, place
from bench.watching import Stretch
from bench.world import BenchMember, build

ROUNDS = ("after a cold start", "on a new connection")


def main(options: argparse.Namespace) -> None:
    say_heading("first")
    allow_files(20_000)
    os.sched_setaffinity(0, {CLIENT_CORE})
    with place(options.database) as where:
        members = -(-options.clients // options.orgs)
        bench_orgs = build(where, orgs=options.orgs, members=members, occupied=members // 2)
        people = [
            each for row in zip(*(org.people for org in bench_orgs), strict=True) for each in row
        ]
        with gunicorn("asgi:application", where, workers=options.workers) as server:
            uvloop.run(observe(where, server, people, options.at_once))


async def observe(
    where: Place, server: Server, people: Sequence[BenchMember], at_once: int
) -> None:
    await asyncio.sleep(FEEDS_PROVEN_SECONDS)
    rows, errors = [], 0
    for name in ROUNDS:
        crowd, arriving = Crowd(server.port), iter(people)
        latencies, statuses = array("d"), Counter[int]()
        stretch = Stretch(where, server)
        await asyncio.gather(*(poll(crowd, arriving, latencies, statuses) for _ in range(at_once)))
        stretch.end()
        errors += statuses.total() - statuses[200]
        each = stretch.cores * stretch.seconds / len(people)
        times = (milliseconds(percentile(latencies, percent)) for percent in (50, 99, 100))
        rows.append(
            (name, f"{each * 1e6:,.0f} µs", f"{len(people) / stretch.seconds:,.0f}", *times)
        )
    say_table(("a first poll", "CPU", "a second", "p50", "p99", "max"), rows)
    targets = Targets()
    targets.at_most("errors", 0, errors)
    targets.say()


async def poll(
    crowd: Crowd,
    arriving: Iterator[BenchMember],
    latencies: "array[float]",
    statuses: Counter[int],
) -> None:
    for member in arriving:
        caller = Caller()
        asked_at = monotonic()
        await crowd.open(caller)
        status, _, _ = await caller.ask(request("GET", PATH, member.token))
        latencies.append(monotonic() - asked_at)
        statuses[status] += 1
        caller.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench first")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--orgs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    run(main, parser)
