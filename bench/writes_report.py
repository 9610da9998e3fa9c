"""What ``bench writes`` says, and aims at."""

from collections.abc import Sequence
from math import nan

from bench.common import Targets, milliseconds, percentile, say, say_table
from bench.kinds import FEW, Kind
from bench.repeating import Cost
from bench.side import Side

HEARTBEAT_RATIO, HEARTBEATS, HEARTBEAT_P99_SECONDS = 5, 5_000, 0.15
CLOCK_RATIO, CLOCK_RATIO_IN_ONE_ORG = 0.5, 0.4
CLOCK_EVENTS_ON_SQLITE, SIGN_INS = 400, 300


def say_costs(database: str, orgs: int, kinds: Sequence[Kind], sides: Sequence[Side]) -> None:
    say(f"{database}, orgs: {orgs}. CPU is that of one request, in ms of a core.\n")
    say_table(
        ("", "", "a second", "p50", "p99", "max", "CPU, server", "PostgreSQL", "in all"),
        [
            (kind.name, side.name, *_cells(side.costs[kind.name]))
            for kind in kinds
            for side in sides
        ],
    )
    if len(sides) == 2:
        ours, peer = sides
        say_table(
            ("ours / plain peer", "a second", "CPU, server", "PostgreSQL"),
            [(kind.name, *_ratios(ours.costs[kind.name], peer.costs[kind.name])) for kind in kinds],
        )


def aim(
    targets: Targets, database: str, orgs: int, kinds: Sequence[Kind], sides: Sequence[Side]
) -> None:
    where = f"{database}, orgs: {orgs}"
    for kind in kinds:
        ours, *peers = (side.costs[kind.name] for side in sides)
        name = f"{where}, {kind.name}"
        if kind.part == "sign-in":
            targets.at_least(name, SIGN_INS, ours.rate, "/s")
        elif kind.part == "heartbeat" and database == "sqlite":
            continue  # aimed at on PostgreSQL alone
        elif database == "sqlite":
            targets.at_least(name, CLOCK_EVENTS_ON_SQLITE, ours.rate, "/s")
        elif kind.part != "heartbeat":
            least = CLOCK_RATIO_IN_ONE_ORG if orgs == 1 else CLOCK_RATIO
            for peer in peers:
                targets.at_least(f"{name} / peer", least, _of(ours.rate, peer.rate))
        elif kind.group is FEW:
            p99 = percentile(ours.latencies, 99)
            targets.at_most(f"{name}, p99", HEARTBEAT_P99_SECONDS * 1000, p99 * 1000, " ms")
        else:
            targets.at_least(name, HEARTBEATS, ours.rate, "/s")
            for peer in peers:
                targets.at_least(f"{name} / peer", HEARTBEAT_RATIO, _of(ours.rate, peer.rate))


def _cells(cost: Cost) -> list[str]:
    times = [milliseconds(percentile(cost.latencies, percent)) for percent in (50, 99, 100)]
    cpu = [f"{_each(used, cost) * 1000:.2f}" for used in (cost.server_cpu, cost.database_cpu)]
    return [f"{cost.rate:,.0f}", *times, *cpu, f"{cost.count:,}"]


def _ratios(ours: Cost, peer: Cost) -> list[str]:
    pairs = (
        (ours.rate, peer.rate),
        (_each(ours.server_cpu, ours), _each(peer.server_cpu, peer)),
        (_each(ours.database_cpu, ours), _each(peer.database_cpu, peer)),
    )
    return [f"{_of(mine, others):.2f}" for mine, others in pairs]


def _each(seconds: float, cost: Cost) -> float:
    return _of(seconds, cost.count)


def _of(value: float, other: float) -> float:
    return value / other if other else nan
