"""bench morning: everyone comes at once, while others have the board open.

The members of many orgs sign in by code, clock in and poll for the first time, on a connection
each, as fast as they are answered. In the same orgs others poll every two seconds. Workers on one
core, all clients in one process on the other; PostgreSQL where the kernel puts it.
"""

import argparse
import asyncio
import gc
import json
import os
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

import uvloop

from bench.clients import PATH, Caller, request
from bench.common import (
    CLIENT_CORE,
    Targets,
    Unable,
    allow_files,
    milliseconds,
    percentile,
    run,
    say_heading,
    say_table,
)
from bench.crowd import Crowd, Poller, Window
from bench.events import sign_in
from bench.servers import FEEDS_PROVEN_SECONDS, Place, Server, gunicorn, place
from bench.watching import Stretch
from bench.world import BenchMember, BenchOrg, build

QUIET_SECONDS = 5.0  # with the others alone
GIVE_UP_SECONDS = 300.0
RETRY_SECONDS = 0.5  # after an answer that should not have been
STEPS = ("sign-in", "clock-in", "first poll")

_TOKEN = re.compile(rb'"token":\s*"([^"]+)"')

Arrivals = Iterator[tuple[int, BenchOrg, BenchMember]]


@dataclass
class Morning:
    """:ivar latencies: how long each step took, over all members
    :ivar errors: answers that should not have been
    """

    latencies: dict[str, "array[float]"] = field(
        default_factory=lambda: {step: array("d") for step in STEPS}
    )
    errors: Counter[str] = field(default_factory=Counter)
    arrived: int = 0

    async def arrive(self, crowd: Crowd, office: int, org: BenchOrg, member: BenchMember) -> None:
        """Come to work, as the board does it."""
        caller = Caller()
        await crowd.open(caller, office)
        signed_in = await self._step("sign-in", caller, sign_in(member))
        token = _TOKEN.search(signed_in)
        if token is None:
            raise Unable(f"a sign-in without a token: {signed_in.decode(errors='replace')}")
        body = json.dumps({"account_id": org.free.popleft()}).encode()
        clocking_in = request("POST", "/v1/clock-in", token[1].decode(), body)
        await self._step("clock-in", caller, clocking_in)
        await self._step("first poll", caller, request("GET", PATH, token[1].decode()))
        self.arrived += 1
        caller.close()

    async def _step(self, step: str, caller: Caller, wanted: bytes) -> bytes:
        """Ask until it is answered as it should be."""
        while True:
            asked_at = monotonic()
            status, _, start = await caller.ask(wanted)
            self.latencies[step].append(monotonic() - asked_at)
            if status in (200, 201):
                return start
            self.errors[f"{step}: {status}"] += 1
            await asyncio.sleep(RETRY_SECONDS)


def main(options: argparse.Namespace) -> None:
    say_heading("morning")
    allow_files(20_000)
    os.sched_setaffinity(0, {CLIENT_CORE})
    coming, watching = (-(-each // options.orgs) for each in (options.members, options.others))
    with place(options.database) as where:
        # The first of each org are on the clock and look on; the others have accounts to come to.
        bench_orgs = build(
            where, orgs=options.orgs, members=watching + coming, occupied=watching, spare=coming
        )
        with gunicorn("asgi:application", where, workers=options.workers) as server:
            uvloop.run(observe(options, where, server, bench_orgs, watching))


async def observe(
    options: argparse.Namespace,
    where: Place,
    server: Server,
    bench_orgs: Sequence[BenchOrg],
    watching: int,
) -> None:
    await asyncio.sleep(FEEDS_PROVEN_SECONDS)
    crowd = Crowd(server.port)
    others = [Poller(crowd, each.token) for org in bench_orgs for each in org.people[:watching]]
    gc.freeze()
    gc.disable()
    await crowd.gather(others)
    await crowd.settle()
    crowd.window = quiet = Window()
    await asyncio.sleep(QUIET_SECONDS)

    crowd.window = window = Window()
    morning, stretch = Morning(), Stretch(where, server)
    arrivals = in_turn(bench_orgs, watching)
    async with asyncio.timeout(GIVE_UP_SECONDS):
        await asyncio.gather(*(come(morning, crowd, arrivals) for _ in range(options.at_once)))
    stretch.end()
    crowd.is_over = True
    for poller in others:
        poller.close()
    gc.enable()
    report(morning, stretch, quiet, window)


def in_turn(bench_orgs: Sequence[BenchOrg], watching: int) -> Arrivals:
    """Of each org one, and then of each the next."""
    for row in zip(*(org.people[watching:] for org in bench_orgs), strict=True):
        for office, (org, member) in enumerate(zip(bench_orgs, row, strict=True)):
            yield office, org, member


async def come(morning: Morning, crowd: Crowd, arrivals: Arrivals) -> None:
    for office, org, member in arrivals:
        await morning.arrive(crowd, office, org, member)


def report(morning: Morning, stretch: Stretch, quiet: Window, window: Window) -> None:
    rows = [
        *morning.latencies.items(),
        ("a poll of the others before", quiet.latencies),
        ("a poll of the others", window.latencies),
        ("this process was late to poll", window.lateness),
    ]
    say_table(
        ("", "p50", "p99", "max", "in all"),
        [
            (
                name,
                *(milliseconds(percentile(values, percent)) for percent in (50, 99, 100)),
                f"{len(values):,}",
            )
            for name, values in rows
        ],
    )
    errors = morning.errors.total() + window.errors + window.lost
    said = ", ".join(f"{count} of {name}" for name, count in morning.errors.items())
    say_table(
        ("", "seen"),
        [
            ("on their account", f"{morning.arrived:,}"),
            ("after", f"{stretch.seconds:.1f} s"),
            ("errors, of the others' polls, their reconnects", f"{window.errors}, {window.lost}"),
            ("errors of those who came", said or "0"),
            ("workers together, of a core", f"{stretch.cores:.2f}"),
            ("PostgreSQL, of a core", f"{stretch.database_cores:.2f}"),
        ],
    )
    targets = Targets()
    targets.at_most("errors", 0, errors)
    targets.at_most("everyone on their account", 60, stretch.seconds, " s")
    targets.at_most("others' polls, p99", 50, percentile(window.latencies, 99) * 1000, " ms")
    targets.say()


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench morning")
    parser.add_argument("--members", type=int, default=10_000, help="who come")
    parser.add_argument("--others", type=int, default=5_000, help="who poll meanwhile")
    parser.add_argument("--orgs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    run(main, parser)
