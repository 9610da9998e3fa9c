"""Pollers who are on the clock, and send heartbeats on the same connection."""

from random import random
from time import monotonic

from bench.crowd import Crowd, Poller
from bench.events import heartbeat
from bench.world import BenchMember

EVERY_SECONDS = 45.0  # contract.md, "Settings": PRESENCE_HEARTBEAT_INTERVAL


class BeatingPoller(Poller):
    """Sends a heartbeat between two polls. A poll that is due meanwhile waits for its answer."""

    def __init__(self, crowd: Crowd, member: BenchMember) -> None:
        super().__init__(crowd, member.token)
        self._beat_request = heartbeat(member)
        self._has_begun = self._is_beating = self._is_beat_due = False
        self._delayed_poll: float | None = None

    def begin(self, at: float) -> None:
        super().begin(at)
        if not self._has_begun:  # it begins again after a lost connection
            self._has_begun = True
            self.loop.call_later(random() * EVERY_SECONDS, self._beat_on_time)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_beating = False
        super().connection_lost(exc)

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        if self._is_beating:
            self._is_beating = False
            window = self._crowd.window
            window.heartbeats[status] += 1
            window.heartbeat_latencies.append(monotonic() - self._beaten_at)
            if self._delayed_poll is not None:
                delayed, self._delayed_poll = self._delayed_poll, None
                self._poll(delayed)
            return
        super().answered(status, head, start)
        if self._is_beat_due and not self._is_asking:
            self._beat()

    def _poll(self, asked_at: float) -> None:
        if self._is_beating:
            self._delayed_poll = asked_at
        else:
            super()._poll(asked_at)

    def _beat_on_time(self) -> None:
        if self._crowd.is_over:
            return
        self.loop.call_later(EVERY_SECONDS, self._beat_on_time)
        if self._is_asking:
            self._is_beat_due = True
        else:
            self._beat()

    def _beat(self) -> None:
        self._is_beat_due = False
        if self.transport is not None:
            self._is_beating, self._beaten_at = True, monotonic()
            self.transport.write(self._beat_request)
