"""Which versions an event raises, and to what number."""

from datetime import datetime

from models import Org
from models.versions import Versions
from models.views import VIEWS
from services.times import unix_milliseconds

SHOWN_BY_ALL = frozenset(view.version_column for view in VIEWS)
SHOWN_WITH_PEOPLE = frozenset(view.version_column for view in VIEWS if view.shows_people)

# By the kind of the event.
RAISES = {
    "clock_in": SHOWN_BY_ALL,
    "switch": SHOWN_BY_ALL,
    "clock_out": SHOWN_BY_ALL,
    "force_clear": SHOWN_BY_ALL,
    "expire": SHOWN_BY_ALL,
    "stale": SHOWN_WITH_PEOPLE,
    "resume": SHOWN_WITH_PEOPLE,
}

# The previous release counts in microseconds, and may still run beside this one.
_MICROSECONDS = 10**15


def next_version(previous: int, now: datetime) -> int:
    """contract.md, "Words": it grows by counting, and across a restore from backup by the clock."""
    if previous >= _MICROSECONDS:
        previous //= 1000
    return max(previous + 1, unix_milliseconds(now))


def columns_in_microseconds(org: Org) -> set[str]:
    """The versions that the previous release raised after the migration."""
    return {column for column in Versions._fields if getattr(org, column) >= _MICROSECONDS}
