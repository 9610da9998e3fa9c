"""What is counted, for Prometheus; over all workers, through files that they share.

The hot path counts in plain integers (:class:`~live.counts.Counts`), which
:class:`HandOver` brings here once a second.
"""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.values import ValueClass
from sqlalchemy import func, select

from live.counts import Counts
from models import Presence
from models.session import Database

# Our own, not the library's global one: a master that forgets this module makes it anew.
REGISTRY = CollectorRegistry()

POLLS = Counter(
    "presence_polls", "Polls by who answered them, and how.", ("by", "outcome"), registry=REGISTRY
)
DELEGATED = Counter(
    "presence_polls_delegated", "Polls that the gate left to Flask.", ("why",), registry=REGISTRY
)
REFUSED = Counter(
    "presence_refused_requests",
    "Requests that were not HTTP as it has to be, by why.",
    ("reason",),
    registry=REGISTRY,
)
ENDED = Counter(
    "presence_ended_connections",
    "Connections that were ended without an answer, by why.",
    ("reason",),
    registry=REGISTRY,
)
READS = Histogram(
    "presence_snapshot_read_seconds", "Reads of an org into memory.", registry=REGISTRY
)
FEED = Gauge(
    "presence_feed",
    "Workers by change feed.",
    ("kind",),
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
LAG = Gauge(
    "presence_feed_lag_seconds",
    "How old the newest word of the change feed is, in the worst worker.",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
ORGS = Gauge(
    "presence_orgs_in_memory", "Orgs being polled.", multiprocess_mode="livesum", registry=REGISTRY
)
WAITERS = Gauge(
    "presence_waiters",
    "Polls held by Prefer: wait.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
CLOCK_EVENTS = Counter(
    "presence_clock_events",
    "Clock requests by kind and by answer.",
    ("kind", "status"),
    registry=REGISTRY,
)
SIGN_INS = Counter(
    "presence_sign_ins",
    "Access codes that were entered, by what came of it.",
    ("result",),
    registry=REGISTRY,
)
PROBLEMS = Counter(
    "presence_problems", "Answers that are problems.", ("status", "code"), registry=REGISTRY
)
SWEEPS = Histogram("presence_sweep_seconds", "Sweeps of all orgs that were due.", registry=REGISTRY)
SWEPT = Counter("presence_swept", "Presences that a sweep found.", ("as",), registry=REGISTRY)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class HandOver:
    """Brings what was counted since the last time to the metrics."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._polls: dict[tuple[str, str], int] = {}
        self._problems: dict[tuple[int, str], int] = {}
        self._by_reason: dict[tuple[Counter, str], int] = {}

    def bring(self) -> None:
        counts = self._counts
        polls = {("lane", "304"): counts.by_lane, ("gate", "304"): counts.by_gate}
        for status, count in counts.judged.items():
            key = ("gate", str(status))
            polls[key] = polls.get(key, 0) + count
        for (by, outcome), count in polls.items():
            POLLS.labels(by, outcome).inc(count - self._polls.get((by, outcome), 0))
        for problem, count in counts.problems.items():
            PROBLEMS.labels(*problem).inc(count - self._problems.get(problem, 0))
        self._problems = dict(counts.problems)
        self._polls = polls
        for metric, counted in (
            (DELEGATED, counts.delegated),
            (REFUSED, counts.refused),
            (ENDED, counts.ended),
        ):
            for reason, count in counted.items():
                metric.labels(reason).inc(count - self._by_reason.get((metric, reason), 0))
                self._by_reason[metric, reason] = count


class Presences(Collector):
    """Presences by state, counted in the database when they are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("presence_presences", "Presences by state.", labels=["state"])
        with self._database.read() as session:
            stale = func.count(Presence.stale_since)
            count, stale_count = session.execute(select(func.count(), stale)).one()
        family.add_metric(["active"], count - stale_count)
        family.add_metric(["stale"], stale_count)
        yield family


class Workers(multiprocess.MultiProcessCollector):
    """All workers' metrics together, also while workers start and end."""

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in Path(self._path).glob("*.db") if _is_filled(file)]
        metrics: Iterable[Metric] = self.merge(files)  # type: ignore[no-untyped-call]
        return metrics


def _is_filled(file: Path) -> bool:
    """False where a worker has only just made its file, or has just ended."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False


def exposed(database: Database) -> bytes:
    """All metrics in Prometheus' text format."""
    counted = REGISTRY
    if ValueClass.__name__ == "MmapedValue":
        counted = CollectorRegistry()
        Workers(counted)  # type: ignore[no-untyped-call]
    asked_for_now = CollectorRegistry()
    asked_for_now.register(Presences(database))
    return generate_latest(counted) + generate_latest(asked_for_now)
