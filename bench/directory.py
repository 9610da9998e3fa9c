"""bench directory: what an application's accounts and members cost, new, changed, and once more.

One worker on one core, one caller on the other. Each directory is sent whole, over HTTP.
"""

import argparse
import os
from collections.abc import Iterator
from time import perf_counter
from typing import Any, NamedTuple
from uuid import uuid4

from bench.common import CLIENT_CORE, Targets, milliseconds, percentile, run, say_heading, say_table
from bench.history import Caller
from bench.servers import Server, gunicorn, place
from bench.world import build

PATH = "/v1/admin/directory"
AGAIN_SECONDS = 0.05  # the target for 2,000 entries of which none has changed

Json = dict[str, Any]


class Cost(NamedTuple):
    """:ivar cpu: what the worker used of a core, in seconds"""

    seconds: float
    cpu: float


def main(options: argparse.Namespace) -> None:
    say_heading("directory")
    os.sched_setaffinity(0, {CLIENT_CORE})
    targets = Targets()
    found: dict[str, dict[str, Cost]] = {}
    for kind in ("postgresql", "sqlite"):
        with place(kind) as where:
            (org,) = build(where, orgs=1, members=1, occupied=0)
            with gunicorn("asgi:application", where, workers=1) as server:
                admin = Caller(server.port, org.people[0], options.times)
                found[kind] = dict(measure(admin, server, options))
        again = found[kind]["the same again"].seconds * 1000
        targets.at_most(f"{kind}, the same again", AGAIN_SECONDS * 1000, again, " ms")
    rows = [
        (name, *(milliseconds(cost) for kind in found for cost in found[kind][name]))
        for name in found["sqlite"]
    ]
    columns = ("PostgreSQL", "the worker's CPU", "SQLite", "the worker's CPU")
    say_table((f"{options.entries:,} entries", *columns), rows)
    targets.say()


def measure(
    admin: Caller, server: Server, options: argparse.Namespace
) -> Iterator[tuple[str, Cost]]:
    half = options.entries // 2
    listed = directory(half, half)
    one, every = (
        [named(listed, f"Renamed {number}", count) for number in (0, 1)] for count in (1, half)
    )

    def cost(*bodies: Json, times: int = 1) -> Cost:
        """The median of a few, or what a single one takes."""
        cpu, seconds = server.cpu_seconds(), []
        for number in range(times):
            begun = perf_counter()
            admin.ask("PUT", PATH, bodies[number % len(bodies)])
            seconds.append(perf_counter() - begun)
        return Cost(percentile(seconds, 50), (server.cpu_seconds() - cpu) / times)

    yield "accounts alone, all new", cost(directory(options.entries, 0))
    yield "accounts and members, all new", cost(listed)
    yield "the same again", cost(listed, times=options.times)
    yield "one account renamed", cost(*one, times=options.times)
    yield "every account renamed", cost(*every, times=options.times)


def directory(accounts: int, members: int) -> Json:
    return {
        "accounts": [
            {"id": str(uuid4()), "name": f"Account {number}"} for number in range(accounts)
        ],
        "members": [
            {"user_id": str(uuid4()), "display_name": f"Member {number}", "role": "va"}
            for number in range(members)
        ],
    }


def named(listed: Json, name: str, count: int) -> Json:
    """The directory with the first ``count`` accounts renamed."""
    renamed = [{**entry, "name": name} for entry in listed["accounts"][:count]]
    return {**listed, "accounts": [*renamed, *listed["accounts"][count:]]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench directory")
    parser.add_argument("--entries", type=int, default=2000, help="in each directory")
    parser.add_argument("--times", type=int, default=25, help="that each is sent again")
    run(main, parser)
