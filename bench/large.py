"""bench large: one org of 2,000 occupied accounts, compressed and not, by turns.

Every poll finds a change. Workers on one core, all clients in one process on the other; PostgreSQL
where the kernel puts it. The same clients take turns in accepting gzip and accepting nothing.
"""

import argparse
import gc
import os
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvloop

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
from bench.crowd import Crowd, Poller, Window
from bench.events import Clocking
from bench.servers import Place, Server, gunicorn, place
from bench.watching import Stretch
from bench.world import ADMIN_OF, BenchOrg, build

CODINGS = ("identity", "gzip")
SETTLE_SECONDS = 5.0  # in which everyone has polled twice with the new header
KILOBYTES = 50  # of a changed poll at most, compressed, in the VAs' view


@dataclass
class Seen:
    """What one coding took, in all its turns together."""

    seconds: float = 0
    server_cpu: float = 0
    errors: int = 0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    changed: Counter[str] = field(default_factory=Counter)  # polls, by view
    bytes: Counter[str] = field(default_factory=Counter)  # of their bodies

    def add(self, view: str, window: Window) -> None:
        self.errors += window.errors + window.lost
        self.latencies.extend(window.latencies)
        self.changed[view] += window.statuses[200]
        self.bytes[view] += window.bytes_of_200s

    def kilobytes(self, view: str) -> float:
        return self.bytes[view] / max(self.changed[view], 1) / 1024

    @property
    def cpu_of_a_change(self) -> float:
        return self.server_cpu / max(self.changed.total(), 1)


def main(options: argparse.Namespace) -> None:
    say_heading("large")
    allow_files(20_000)
    os.sched_setaffinity(0, {CLIENT_CORE})
    with place(options.database) as where:
        (org,) = build(
            where, orgs=1, members=options.clients, occupied=options.clients - 1, spare=10
        )
        with gunicorn("asgi:application", where, workers=options.workers) as server:
            report(uvloop.run(observe(options, where, server, org)))


async def observe(
    options: argparse.Namespace, where: Place, server: Server, org: BenchOrg
) -> dict[str, Seen]:
    crowds = {view: Crowd(server.port) for view in ("admin", "va")}
    pollers: dict[str, list[Poller]] = {view: [] for view in crowds}
    for number, member in enumerate(org.people):
        view = "va" if number % ADMIN_OF else "admin"
        pollers[view].append(Poller(crowds[view], member.token))
    clocking = Clocking(crowds["va"], [org])
    gc.freeze()
    gc.disable()
    for view, crowd in crowds.items():
        await crowd.gather(pollers[view])
    await crowds["va"].settle()
    await clocking.connect()  # only now: the server closes a connection on which nothing is asked
    seen = {coding: Seen() for coding in CODINGS}
    for _ in range(options.rounds):
        for coding in CODINGS:
            for each in (*pollers["admin"], *pollers["va"]):
                each.send({"Accept-Encoding": coding})
            await clocking.run(options.events, SETTLE_SECONDS)
            await measure(options, Stretch(where, server), crowds, clocking, seen[coding])
    for view, crowd in crowds.items():
        crowd.is_over = True
        close(pollers[view])
    gc.enable()
    return seen


async def measure(
    options: argparse.Namespace,
    stretch: Stretch,
    crowds: dict[str, Crowd],
    clocking: Clocking,
    seen: Seen,
) -> None:
    for crowd in crowds.values():
        crowd.window = Window()
    await clocking.run(options.events, options.seconds)
    stretch.end()
    seen.seconds += stretch.seconds
    seen.server_cpu += stretch.cores * stretch.seconds
    for view, crowd in crowds.items():
        seen.add(view, crowd.window)


def close(pollers: Sequence[Poller]) -> None:
    for poller in pollers:
        poller.close()


def report(found: dict[str, Seen]) -> None:
    columns = (
        "VAs",
        "admins",
        "p50",
        "p99",
        "max",
        "errors",
        "workers, of a core",
        "a changed poll",
    )
    say_table(
        ("", *columns),
        [
            (
                coding,
                *(f"{seen.kilobytes(view):.1f} KB" for view in ("va", "admin")),
                *(milliseconds(percentile(seen.latencies, percent)) for percent in (50, 99, 100)),
                f"{seen.errors}",
                f"{seen.server_cpu / seen.seconds:.3f}",
                f"{seen.cpu_of_a_change * 1e6:.0f} µs",
            )
            for coding, seen in found.items()
        ],
    )
    plain, compressed = found["identity"], found["gzip"]
    targets = Targets()
    targets.at_most("errors", 0, plain.errors + compressed.errors)
    targets.at_most("gzip, a VA's changed poll", KILOBYTES, compressed.kilobytes("va"), " KB")
    ratio = compressed.cpu_of_a_change / plain.cpu_of_a_change
    targets.at_most("CPU of a changed poll, gzip / identity", 1, ratio)
    targets.say()


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench large")
    parser.add_argument(
        "--clients", type=int, default=2_000, help="who are all on the clock but one"
    )
    parser.add_argument("--events", type=float, default=1, help="a second")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10, help="of each coding and round")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    run(main, parser)
