"""What is counted, for Prometheus; over all workers, through files that they share.

The hot path counts in plain integers, which ``live/counters.py`` brings here once a second.
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
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.values import ValueClass

# Our own, not the library's global one: a master that forgets this module makes it anew.
REGISTRY = CollectorRegistry()

POLLS = Counter(
    "presence_polls",
    "Polls, by what answered them and by outcome.",
    ("by", "outcome"),
    registry=REGISTRY,
)
DELEGATED = Counter(
    "presence_polls_delegated", "Polls that the gate left to Flask.", ("why",), registry=REGISTRY
)
HEARTBEATS = Counter(
    "presence_heartbeats",
    "Heartbeats, by what answered them and why it did.",
    ("by", "why"),
    registry=REGISTRY,
)
REFUSED = Counter(
    "presence_refused_requests",
    "Requests that were not valid HTTP, by reason.",
    ("reason",),
    registry=REGISTRY,
)
ENDED = Counter(
    "presence_ended_connections",
    "Connections that were ended without an answer, by reason.",
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
    "Time since the change feed was last heard, in the worst worker.",
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
TURNS = Gauge(
    "presence_waiting_requests",
    "Requests that wait for a thread, by whose they are.",
    ("of",),
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
THREADS = Gauge(
    "presence_threads_in_use",
    "Requests that have a thread, by whose they are.",
    ("of",),
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
CLOCK_EVENTS = Counter(
    "presence_clock_events",
    "Clock requests by kind and answer.",
    ("kind", "status"),
    registry=REGISTRY,
)
SIGN_INS = Counter(
    "presence_sign_ins",
    "Access codes that were entered, by result.",
    ("result",),
    registry=REGISTRY,
)
PROBLEMS = Counter(
    "presence_problems", "Answers that are problems.", ("status", "code"), registry=REGISTRY
)
REFUSED_TOKENS = Counter(
    "presence_refused_issuer_tokens",
    "Tokens of trusted issuers that were refused, by reason.",
    ("why",),
    registry=REGISTRY,
)
KEY_READINGS = Counter(
    "presence_issuer_key_readings",
    "Readings of an issuer's keys, by outcome.",
    ("outcome",),
    registry=REGISTRY,
)
SWEEPS = Histogram("presence_sweep_seconds", "Sweeps of all orgs that were due.", registry=REGISTRY)
SWEPT = Counter("presence_swept", "Presences that a sweep found.", ("as",), registry=REGISTRY)

CONTENT_TYPE = CONTENT_TYPE_LATEST


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


def exposed(*collectors: Collector) -> bytes:
    """All metrics in Prometheus' text format.

    :param collectors: of what is looked up now
    """
    counted = REGISTRY
    if ValueClass.__name__ == "MmapedValue":
        counted = CollectorRegistry()
        Workers(counted)  # type: ignore[no-untyped-call]
    looked_up = CollectorRegistry()
    for collector in collectors:
        looked_up.register(collector)
    return generate_latest(counted) + generate_latest(looked_up)
