"""Requests that can't be parsed don't fill the log: one line a minute says how many there were."""

import logging

from live.counters import Counters

EVERY_SECONDS = 60.0

_logger = logging.getLogger("presence")


class ProtocolErrorLog:
    """Logs how many requests the protocol has refused, at most once a minute."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._logged = 0
        self._due_at = 0.0

    def log(self, now: float) -> None:
        """
        :param now: ``time.monotonic()``
        """
        count = self._counters.refused.total() - self._logged
        if count and now >= self._due_at:
            self._logged += count
            self._due_at = now + EVERY_SECONDS
            kinds = ", ".join(sorted(self._counters.refused))
            _logger.warning(
                "Refused %d requests that were not valid HTTP, the last from %s."
                " Kinds since the start: %s; /metrics counts them.",
                count,
                self._counters.refused_last,
                kinds,
            )
