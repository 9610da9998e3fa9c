"""What became of a heartbeat."""

from enum import Enum


class Outcome(Enum):
    """By what it was answered, and why, as ``/metrics`` tells it."""

    # The gate's: 204, and 503.
    WRITTEN_LATELY = "gate", "written_lately"  # by this process
    COMMITTED = "gate", "committed"  # or another process has written one lately
    UNAVAILABLE = "gate", "unavailable"  # the database did not answer in time

    # Flask's, which decides by the database.
    OF_ODD_FORM = "flask", "odd_form"  # only Flask can tell what it asks
    NOT_IN_MEMORY = "flask", "not_in_memory"  # memory can't vouch for the caller's org
    NOT_SHOWN = "flask", "not_shown"  # memory does not show it as the caller's, and fresh
    NOT_WRITTEN = "flask", "not_written"  # it may be stale, or have ended, or is locked

    def __init__(self, by: str, why: str) -> None:
        self.by = by
        self.why = why

    @property
    def status(self) -> int:
        """Of the gate's answer."""
        return 503 if self is Outcome.UNAVAILABLE else 204
