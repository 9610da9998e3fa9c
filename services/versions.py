"""Versions: the number that a change raises one to."""

from datetime import datetime

from models import Org
from services.times import unix_milliseconds

COLUMNS = ("version", "va_version", "accounts_version", "members_version")

# The previous release counts in microseconds, and may still run beside this one.
_MICROSECONDS = 10**15


def next_version(previous: int, now: datetime) -> int:
    """contract.md, "Words": it grows by counting, and across a restore from backup by the clock."""
    if previous >= _MICROSECONDS:
        previous //= 1000
    return max(previous + 1, unix_milliseconds(now))


def columns_in_microseconds(org: Org) -> set[str]:
    """The versions that the previous release raised after the migration."""
    return {column for column in COLUMNS if getattr(org, column) >= _MICROSECONDS}
