"""The counters of the hot path: plain integers, exported to the metrics once a second."""

from collections import Counter

from prometheus_client import Counter as Metric

from live.heartbeat_outcome import Outcome
from metrics import CLOCK_EVENTS, DELEGATED, ENDED, HEARTBEATS, POLLS, PROBLEMS, REFUSED


class Counters:
    """What has happened since the process began.

    :ivar by_lane: fresh 304s of the express lane
    :ivar by_gate: fresh 304s of the gate
    :ivar by_responder: the responder's answers, by status
    :ivar delegated: polls left to Flask, by reason
    :ivar heartbeats: what became of them
    :ivar problems: polls and heartbeats answered with a problem, by status and code
    :ivar refused: requests that the protocol itself refused, by reason
    :ivar refused_last: the address of the last of them
    :ivar ended: connections that were closed without an answer, by reason
    """

    __slots__ = (
        "by_gate",
        "by_lane",
        "by_responder",
        "delegated",
        "ended",
        "heartbeats",
        "problems",
        "refused",
        "refused_last",
    )

    def __init__(self) -> None:
        self.by_lane = 0
        self.by_gate = 0
        self.by_responder: Counter[int] = Counter()
        self.delegated: Counter[str] = Counter()
        self.heartbeats: Counter[Outcome] = Counter()
        self.problems: Counter[tuple[int, str]] = Counter()
        self.refused: Counter[str] = Counter()
        self.refused_last = ""
        self.ended: Counter[str] = Counter()

    def refuse(self, reason: str, client: tuple[str, int] | None) -> None:
        self.refused[reason] += 1
        self.refused_last = client[0] if client else "a local socket"


class CounterExport:
    """Adds what has been counted since its last run to the metrics."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._polls: dict[tuple[str, str], int] = {}
        self._heartbeats: dict[Outcome, int] = {}
        self._problems: dict[tuple[int, str], int] = {}
        self._by_reason: dict[tuple[Metric, str], int] = {}

    def run(self) -> None:
        counters = self._counters
        polls = {("lane", "304"): counters.by_lane, ("gate", "304"): counters.by_gate}
        for status, count in counters.by_responder.items():
            key = ("gate", str(status))
            polls[key] = polls.get(key, 0) + count
        for (by, outcome), count in polls.items():
            POLLS.labels(by, outcome).inc(count - self._polls.get((by, outcome), 0))
        for became, count in counters.heartbeats.items():
            more = count - self._heartbeats.get(became, 0)
            HEARTBEATS.labels(became.by, became.why).inc(more)
            if became.by == "gate":  # Flask counts its own
                CLOCK_EVENTS.labels("heartbeat", became.status).inc(more)
        self._heartbeats = dict(counters.heartbeats)
        for problem, count in counters.problems.items():
            PROBLEMS.labels(*problem).inc(count - self._problems.get(problem, 0))
        self._problems = dict(counters.problems)
        self._polls = polls
        for metric, counted in (
            (DELEGATED, counters.delegated),
            (REFUSED, counters.refused),
            (ENDED, counters.ended),
        ):
            for reason, count in counted.items():
                metric.labels(reason).inc(count - self._by_reason.get((metric, reason), 0))
                self._by_reason[metric, reason] = count
