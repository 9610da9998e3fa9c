"""The log of problems: a line for each refused sign-in, lockout, 403 and 5xx.

A line names who it was by ids, the client's address and the request's id. It has no access code and
no token, and of what a client wrote only the request's id, whose form was checked.
"""

import logging
import threading
from time import monotonic
from typing import Any

# Of each code and process: a client that is refused 1,000 times a second must not fill the disk.
LINES_PER_MINUTE = 1000

log = logging.getLogger("presence.requests")


def is_told(status: int, code: str) -> bool:
    """Whether an answer is worth a line."""
    return status in (403, 429) or status >= 500 or code == "access_code_rejected"


def write(where: str, status: int, code: str, **known: Any) -> None:
    """Write the line of an answer.

    :param where: method and route, as this program writes them
    :param known: of the request; what is None is left out
    """
    told = "".join(f" {name}={value}" for name, value in known.items() if value is not None)
    if _budgets.allows(code):
        log.warning("%s: %d %s%s", where, status, code, told)


class _Budgets:
    """How many lines each code may have until the minute is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._asked: dict[str, int] = {}

    def allows(self, code: str) -> bool:
        with self._lock:
            if monotonic() >= self._until:
                self._begin_anew()
            self._asked[code] = self._asked.get(code, 0) + 1
            return self._asked[code] <= LINES_PER_MINUTE

    def _begin_anew(self) -> None:
        for code, asked in self._asked.items():
            if asked > LINES_PER_MINUTE:
                log.warning("%d more lines of %s were left out", asked - LINES_PER_MINUTE, code)
        self._asked.clear()
        self._until = monotonic() + 60


_budgets = _Budgets()
