"""Watching from both sides: what the server spends, and when its clients see a change."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from time import monotonic
from uuid import UUID

from bench.crowd import Poller
from bench.events import Event
from bench.servers import Place, Server


class Stretch:
    """What the workers and the database do from its making to its end."""

    def __init__(self, where: Place, server: Server) -> None:
        self._where, self._server = where, server
        self._begun = self._look()

    def end(self) -> None:
        now = self._look()
        spent = [b - a for a, b in zip(self._begun, now, strict=True)]
        self.seconds = spent[0]
        self.cores, self.database_cores, self.statements = (each / spent[0] for each in spent[1:])

    def _look(self) -> tuple[float, float, float, int]:
        statements = self._where.statements() if self._where.counts_statements else 0
        cpu = self._server.cpu_seconds(), self._where.cpu_seconds()
        return monotonic(), *cpu, statements


def first_seen(
    events: Sequence[Event], pollers: Sequence[tuple[UUID, Poller]]
) -> tuple[list[float], int]:
    """How long after each event was sent each poller of its org saw it, and how often one didn't.

    It saw it by the first answer whose version is that of the event, or a later one.
    """
    by_org: dict[UUID, list[Poller]] = {}
    for org_id, poller in pollers:
        by_org.setdefault(org_id, []).append(poller)
    delays, unseen = [], 0
    for event in events:
        for poller in by_org.get(event.org_id, ()):
            position = bisect_left(poller.seen, event.version, key=itemgetter(0))
            if position < len(poller.seen):
                delays.append(poller.seen[position][1] - event.sent_at)
            else:
                unseen += 1
    return delays, unseen
