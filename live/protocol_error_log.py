"""Junk that is no HTTP does not fill the log: one line a minute says how much of it there was."""

import logging

from live.counters import Counters

EVERY_SECONDS = 60.0

_logger = logging.getLogger("presence")


class ProtocolErrorLog:
    """Tells of what the protocol refused, when asked often enough."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._told = 0
        self._due_at = 0.0

    def tell(self, now: float) -> None:
        """
        :param now: ``time.monotonic()``
        """
        count = self._counters.refused.total() - self._told
        if count and now >= self._due_at:
            self._told += count
            self._due_at = now + EVERY_SECONDS
            kinds = ", ".join(sorted(self._counters.refused))
            _logger.warning(
                "Refused %d requests that were not valid HTTP, the last from %s."
                " Kinds since the start: %s; /metrics counts them.",
                count,
                self._counters.refused_last,
                kinds,
            )
