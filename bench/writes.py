"""bench writes: how many clock-ins, switches, clock-outs and heartbeats a second, over HTTP.

Workers on one core, the callers on the other; PostgreSQL, which commits to the disk, where the
kernel puts it. Each caller asks again as soon as it was answered.
"""

import argparse
import asyncio
import os
from collections.abc import Callable, Sequence
from time import monotonic

import uvloop

from bench.clients import Caller, Crowd
from bench.common import (
    CLIENT_CORE,
    Unable,
    milliseconds,
    percentile,
    run,
    say,
    say_heading,
    say_table,
)
from bench.events import clock_in, clock_out, post
from bench.servers import gunicorn, place
from bench.world import BenchMember, BenchOrg, build

MEMBERS = 4000
BEATEN_AGO_SECONDS = 60  # long enough that the first heartbeat of each is written

Work = list[tuple[BenchOrg, BenchMember]]


def heartbeat(_org: BenchOrg, member: BenchMember) -> bytes:
    return post("/v1/heartbeat", member, presence_id=member.presence_id)


# In this order: everyone is clocked in at first, and a heartbeat soon after another is not written.
KINDS: list[tuple[str, Callable[[BenchOrg, BenchMember], bytes]]] = [
    ("heartbeat", heartbeat),
    ("heartbeat too soon", heartbeat),
    ("switch", clock_in),
    ("clock-out", clock_out),
    ("clock-in", clock_in),
]


def main(options: argparse.Namespace) -> None:
    say_heading("writes")
    os.sched_setaffinity(0, {CLIENT_CORE})
    for kind in ("postgresql", "sqlite"):
        for orgs in (1, options.orgs):
            with place(kind) as where:
                members = MEMBERS // orgs
                bench_orgs = build(
                    where,
                    orgs=orgs,
                    members=members,
                    occupied=members,
                    spare=100,
                    beaten_ago=BEATEN_AGO_SECONDS,
                )
                with gunicorn("asgi:application", where, workers=options.workers) as server:
                    rows = uvloop.run(measure(server.port, bench_orgs, options))
            say(f"{kind}, {orgs} orgs of {members:,} members, {options.callers} callers\n")
            say_table(("", "a second", "p50", "p99", "max", "in all"), rows)


async def measure(
    port: int, bench_orgs: Sequence[BenchOrg], options: argparse.Namespace
) -> list[tuple[str, ...]]:
    crowd = Crowd(port)
    callers = [Caller() for _ in range(options.callers)]
    for caller in callers:
        await crowd.open(caller)
    rounds = zip(*(org.people for org in bench_orgs), strict=True)
    # Of each org one, and then of each the next, so that callers seldom meet in one org.
    work = [(org, each) for round in rounds for org, each in zip(bench_orgs, round, strict=True)]
    rows = []
    for name, make in KINDS:
        seconds, latencies, work = await repeat(callers, work, make, options.seconds)
        times = (milliseconds(percentile(latencies, percent)) for percent in (50, 99, 100))
        rows.append((name, f"{len(latencies) / seconds:,.0f}", *times, f"{len(latencies):,}"))
    for caller in callers:
        caller.close()
    return rows


async def repeat(
    callers: Sequence[Caller],
    work: Work,
    make: Callable[[BenchOrg, BenchMember], bytes],
    seconds: float,
) -> tuple[float, list[float], Work]:
    """Do as much of ``work`` as there is time for.

    :returns: the seconds that it took, how long each took, and the work that was done
    """
    begun = monotonic()
    left, done, latencies = iter(work), [], []

    async def call(caller: Caller) -> None:
        for org, member in left:
            asked_at = monotonic()
            status, _, start = await caller.ask(make(org, member))
            if status not in (200, 201, 204):
                raise Unable(f"a write was answered {status}: {start.decode(errors='replace')}")
            latencies.append(monotonic() - asked_at)
            done.append((org, member))
            if monotonic() > begun + seconds:
                break

    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(call(caller) for caller in callers))
    return monotonic() - begun, latencies, done


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench writes")
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--orgs", type=int, default=100, help="beside a run with one")
    parser.add_argument("--seconds", type=float, default=6, help="of each kind at most")
    parser.add_argument("--workers", type=int, default=2)
    run(main, parser)
