"""bench pollers: thousands of clients that poll every two seconds while people come and go.

With ``--heartbeats`` those who are on the clock send a heartbeat every 45 s too.
Workers on one core, all clients in one process on the other; PostgreSQL where the kernel puts it.
Each client is a member with a token of their own, on a connection of their own.
"""

import argparse
import asyncio
import gc
import os
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop

from bench.beating import BeatingPoller
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

ALONE_SECONDS = 10.0  # of events without pollers
SEEN_WITHIN_SECONDS = 5.0
CORES, CORES_WITH_HEARTBEATS = 0.3, 0.35

CLIENTS_SERIES = [(5_000, 200), (10_000, 200), (19_000, 200)]
ORGS_SERIES = [(10_000, 100), (10_000, 400)]


@dataclass
class Result:
    """:ivar statements: a second, from polling alone; None where nobody counted them"""

    clients: int
    orgs: int
    window: Window
    seconds: float
    events: int
    seen: list[float]
    unseen: int
    cores: float
    cores_without: float
    database_cores: float
    bytes_each: float
    statements: float | None

    @property
    def polls_a_second(self) -> float:
        return self.window.statuses.total() / self.seconds


def main(options: argparse.Namespace) -> None:
    say_heading("pollers")
    allow_files(20_000)
    os.sched_setaffinity(0, {CLIENT_CORE})
    sizes = [(options.clients, options.orgs)]
    if options.series:
        sizes = CLIENTS_SERIES + ORGS_SERIES
    results = []
    for clients, orgs in sizes:
        results.append(measure(options, clients, orgs))
        say_result(results[-1])
    if options.series:
        say_series(results)


def measure(options: argparse.Namespace, clients: int, orgs: int) -> Result:
    with place(options.database) as where:
        bench_orgs = build(
            where,
            orgs=orgs,
            members=-(-clients // orgs),
            occupied=options.accounts_per_org,
        )
        with gunicorn("asgi:application", where, workers=options.workers) as server:
            return uvloop.run(observe(options, where, server, bench_orgs, clients))


async def observe(
    options: argparse.Namespace,
    where: Place,
    server: Server,
    bench_orgs: Sequence[BenchOrg],
    clients: int,
) -> Result:
    crowd = Crowd(server.port)
    clocking = Clocking(crowd, _movers(bench_orgs) if options.heartbeats else bench_orgs)
    await clocking.connect()
    without = Stretch(where, server)
    await clocking.run(options.events, ALONE_SECONDS)
    without.end()
    memory = server.memory_bytes()

    # Members of one org come one after another, and so are spread over the time between polls.
    members = [(org.id, member) for org in bench_orgs for member in org.people]
    pollers = [
        (
            org_id,
            BeatingPoller(crowd, member)
            if options.heartbeats and member.presence_id
            else Poller(crowd, member.token),
        )
        for org_id, member in members[:clients]
    ]
    gc.freeze()
    gc.disable()
    await crowd.gather([poller for _, poller in pollers])
    await crowd.settle()

    clocking.events.clear()
    crowd.window = window = Window()
    stretch = Stretch(where, server)
    await clocking.run(options.events, options.seconds)
    stretch.end()
    crowd.window = Window()
    bytes_each = (server.memory_bytes() - memory) / clients
    await asyncio.sleep(SEEN_WITHIN_SECONDS)
    crowd.is_over = True
    seen, unseen = first_seen(clocking.events, pollers)
    for _, poller in pollers:
        poller.close()
    gc.enable()
    return Result(
        clients=clients,
        orgs=len(bench_orgs),
        window=window,
        seconds=stretch.seconds,
        events=len(clocking.events),
        seen=seen,
        unseen=unseen,
        cores=stretch.cores,
        cores_without=without.cores,
        database_cores=stretch.database_cores,
        bytes_each=bytes_each,
        statements=stretch.statements - without.statements if where.counts_statements else None,
    )


def _movers(bench_orgs: Sequence[BenchOrg]) -> list[BenchOrg]:
    """The orgs with those alone who send no heartbeats: these stay on their accounts."""
    return [
        BenchOrg(org.id, [each for each in org.people if not each.presence_id], org.free)
        for org in bench_orgs
    ]


def say_result(result: Result) -> None:
    window, seen = result.window, result.seen
    latencies = window.latencies
    say(
        f"{result.clients:,} clients in {result.orgs:,} orgs, {result.seconds:.0f} s, "
        f"{result.events} events\n"
    )
    statements = "not counted" if result.statements is None else f"{result.statements:.1f}"
    say_table(
        ("", "p50", "p99", "max"),
        [
            (name, *(milliseconds(percentile(values, percent)) for percent in (50, 99, 100)))
            for name, values in (
                ("a poll", latencies),
                ("a heartbeat", window.heartbeat_latencies),
                ("a change, until a poller saw it", seen),
                ("this process was late to poll", window.lateness),
            )
            if len(values)
        ],
    )
    say_table(
        ("", "seen"),
        [
            ("polls a second", f"{result.polls_a_second:,.0f}"),
            ("heartbeats a second", f"{window.heartbeats.total() / result.seconds:,.0f}"),
            ("of the polls 304", f"{window.statuses[304] / max(window.statuses.total(), 1):.2%}"),
            (
                "errors, unseen changes, reconnects",
                f"{window.errors}, {result.unseen}, {window.lost}",
            ),
            ("workers together, of a core", f"{result.cores:.3f}"),
            ("PostgreSQL, of a core", f"{result.database_cores:.3f}"),
            ("workers by events without pollers", f"{result.cores_without:.3f}"),
            ("memory of the workers a client", f"{result.bytes_each / 1024:.1f} KB"),
            ("statements a second from polling and heartbeats", statements),
        ],
    )
    say_targets(result)


def say_targets(result: Result) -> None:
    targets = Targets()
    targets.at_most("errors and unseen changes", 0, result.window.errors + result.unseen)
    targets.at_most("reconnects", 0, result.window.lost)
    targets.at_most("change seen, p99", 2.1, percentile(result.seen, 99), " s")
    targets.at_most("change seen, max", 2.5, percentile(result.seen, 100), " s")
    if result.orgs == 1:
        targets.at_most("poll, p99", 0.25, percentile(result.window.latencies, 99), " s")
    else:
        most = CORES_WITH_HEARTBEATS if result.window.heartbeats else CORES
        targets.at_most("workers", most, result.cores, " core")
        targets.at_most("memory a client", 25, result.bytes_each / 1024, " KB")
    if result.statements is not None and not result.window.heartbeats:
        targets.at_most("statements from polling", 40, result.statements, "/s")
    targets.say()


def say_series(results: Sequence[Result]) -> None:
    say_table(
        ("clients", "orgs", "core", "core / 1,000 clients", "p99", "KB a client", "statements/s"),
        [
            (
                f"{each.clients:,}",
                f"{each.orgs}",
                f"{each.cores:.3f}",
                f"{(each.cores - each.cores_without) / each.clients * 1000:.4f}",
                milliseconds(percentile(each.window.latencies, 99)),
                f"{each.bytes_each / 1024:.1f}",
                "" if each.statements is None else f"{each.statements:.1f}",
            )
            for each in results
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench pollers")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--orgs", type=int, default=200)
    parser.add_argument("--accounts-per-org", type=int, default=25, help="those occupied")
    parser.add_argument("--events", type=float, default=5, help="a second")
    parser.add_argument("--heartbeats", action="store_true", help="of those who are on the clock")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--series", action="store_true", help="sizes that double")
    run(main, parser)
