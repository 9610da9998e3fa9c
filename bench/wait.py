"""bench wait: clients that hold a request until something changes (Prefer: wait=30).

Workers on one core, all clients in one process on the other; on one database after the other.
"""

import argparse
import asyncio
import gc
import os
from collections.abc import Sequence
from types import MappingProxyType

import uvloop

from bench.common import (
    CLIENT_CORE,
    Targets,
    allow_files,
    milliseconds,
    percentile,
    run,
    say,
    say_heading,
    say_table,
)
from bench.crowd import Crowd, Poller, Window
from bench.events import Clocking
from bench.servers import Place, Server, gunicorn, place
from bench.watching import Stretch, first_seen
from bench.world import BenchOrg, build

SETTLE_SECONDS = 4.0
ALONE_SECONDS = 10.0
IDLE_SECONDS = 30.0  # in which each of them has to ask anew once
ANSWERED_WITHIN_SECONDS = 5.0
P99_SECONDS = {"postgresql": 0.1, "sqlite": 0.25}


class Waiter(Poller):
    """Is ready to wait, and asks again as soon as it was answered."""

    more = MappingProxyType({"Prefer": "wait=30"})

    def _go_on(self, now: float) -> None:
        self._poll(now)


def main(options: argparse.Namespace) -> None:
    say_heading("wait")
    allow_files(20_000)
    os.sched_setaffinity(0, {CLIENT_CORE})
    targets = Targets()
    for kind in P99_SECONDS:
        with place(kind) as where:
            members = -(-options.clients // options.orgs)
            bench_orgs = build(where, orgs=options.orgs, members=members, occupied=members // 2)
            with gunicorn("asgi:application", where, workers=options.workers) as server:
                uvloop.run(observe(options, kind, where, server, bench_orgs, targets))
    targets.say()


async def observe(
    options: argparse.Namespace,
    kind: str,
    where: Place,
    server: Server,
    bench_orgs: Sequence[BenchOrg],
    targets: Targets,
) -> None:
    crowd = Crowd(server.port)
    clocking = Clocking(crowd, bench_orgs)
    await asyncio.sleep(SETTLE_SECONDS)
    alone = Stretch(where, server)
    await asyncio.sleep(ALONE_SECONDS)
    alone.end()
    members = [(org.id, member) for org in bench_orgs for member in org.people]
    waiters = [(org_id, Waiter(crowd, member.token)) for org_id, member in members]
    waiters = waiters[: options.clients]
    gc.freeze()
    gc.disable()
    await crowd.gather([waiter for _, waiter in waiters])
    await asyncio.sleep(SETTLE_SECONDS)

    idle = Stretch(where, server)
    await asyncio.sleep(IDLE_SECONDS)
    idle.end()
    # Only now: the server closes a connection on which nothing is asked.
    await clocking.connect()
    crowd.window = window = Window()
    busy = Stretch(where, server)
    await clocking.run(options.events, options.seconds)
    await asyncio.sleep(ANSWERED_WITHIN_SECONDS)
    busy.end()
    crowd.is_over = True
    delays, unseen = first_seen(clocking.events, waiters)
    for _, waiter in waiters:
        waiter.close()
    gc.enable()

    say(
        f"{kind}: {len(waiters):,} waiting clients in {len(bench_orgs):,} orgs, "
        f"{options.events:g}/s\n"
    )
    say_table(
        ("", "p50", "p99", "max"),
        [
            (
                "a change, from its request to a waiter's answer",
                *(milliseconds(percentile(delays, percent)) for percent in (50, 99, 100)),
            )
        ],
    )
    say_table(
        ("", "seen"),
        [
            ("changes, answers to them", f"{len(clocking.events)}, {len(delays):,}"),
            ("errors, unseen changes, reconnects", f"{window.errors}, {unseen}, {window.lost}"),
            ("workers without clients, of a core", f"{alone.cores:.2%}"),
            ("workers while all wait", f"{idle.cores:.2%}"),
            ("workers with events", f"{busy.cores:.2%}"),
        ],
    )
    targets.at_most(f"{kind}: errors and unseen changes", 0, window.errors + unseen + window.lost)
    targets.at_most(f"{kind}: answered, p99", P99_SECONDS[kind], percentile(delays, 99), " s")
    targets.at_most(f"{kind}: while all wait", 2, idle.cores * 100, " % of a core")


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench wait")
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--orgs", type=int, default=40)
    parser.add_argument("--events", type=float, default=1, help="a second")
    parser.add_argument("--seconds", type=float, default=20, help="with events")
    parser.add_argument("--workers", type=int, default=2)
    run(main, parser)
