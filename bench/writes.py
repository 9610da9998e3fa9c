"""bench writes: heartbeats, clock events and sign-ins a second, over HTTP, beside a plain peer.

Workers on one core, the callers on the other; PostgreSQL, which commits to the disk, where the
kernel puts it. Ours and the peer take turns in one run, with the same callers.
"""

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack

import uvloop

from bench.common import CLIENT_CORE, Targets, allow_files, run, say_heading
from bench.kinds import KINDS, PARTS, PARTS_IN_ONE_ORG, Kind
from bench.servers import place
from bench.side import Side, our_side, peer_side
from bench.writes_report import aim, say_costs

DATABASES = ("postgresql", "sqlite")
DIFFERENT_ORGS = (100, 1)


def main(options: argparse.Namespace) -> None:
    say_heading("writes")
    allow_files(20_000)
    os.sched_setaffinity(0, {CLIENT_CORE})
    targets = Targets()
    for database in options.databases:
        for orgs in options.orgs:
            parts = set(options.only) & set(PARTS_IN_ONE_ORG if orgs == 1 else PARTS)
            kinds = [kind for kind in KINDS if kind.part in parts]
            if kinds:
                sides = measure(database, orgs, kinds, options)
                say_costs(database, orgs, kinds, sides)
                aim(targets, database, orgs, kinds, sides)
    targets.say()


def measure(
    database: str, orgs: int, kinds: Sequence[Kind], options: argparse.Namespace
) -> list[Side]:
    groups = {kind.group for kind in kinds}
    with ExitStack() as stack:
        where = stack.enter_context(place(database))
        sides = [our_side(stack, where, groups, orgs, options.workers)]
        if database == "postgresql" and not options.alone:
            sides.append(peer_side(stack, where, groups, orgs, options.workers))
        uvloop.run(take_turns(sides, kinds, options))
    return sides


async def take_turns(
    sides: Sequence[Side], kinds: Sequence[Kind], options: argparse.Namespace
) -> None:
    for side in sides:
        side.gather()
    await sides[0].warm_up()
    for _ in range(options.rounds):
        for kind in kinds:
            for side in sides:
                await side.measure(kind, options.seconds)
    for side in sides:
        side.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench writes")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--orgs", nargs="+", type=int, default=DIFFERENT_ORGS)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--alone", action="store_true", help="without the plain peer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of each kind and round, at most")
    parser.add_argument("--workers", type=int, default=2)
    run(main, parser)
