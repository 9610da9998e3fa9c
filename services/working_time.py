"""Working time: who was on which account for how long.

It is counted in whole seconds, with every time rounded down. So a presence that is cut at midnight,
or summed by account instead of by member, adds up to the same.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import floor
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

GROUPINGS = ("member", "account", "day")  # contract.md, "Administration"

Key = tuple[str | date | None, ...]


class Worked(NamedTuple):
    """One stretch of a member on an account, in seconds since 1970.

    :ivar user_id: None for a person who was erased
    """

    user_id: str | None
    account_id: str
    start: int
    end: int


def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return floor(moment.timestamp())


def within(worked: Iterable[Worked], start: int, end: int) -> list[Worked]:
    """The parts between ``start`` and ``end``."""
    cut = (each._replace(start=max(each.start, start), end=min(each.end, end)) for each in worked)
    return [each for each in cut if each.start < each.end]


def summed(worked: Iterable[Worked], by: Sequence[str], tz: ZoneInfo) -> Counter[Key]:
    """Seconds by what ``by`` names, in its order; days are those of ``tz``."""
    finest: Counter[Key] = Counter()
    for each in worked:
        parts = days(each, tz) if "day" in by else [(None, each.end - each.start)]
        for day, length in parts:
            finest[each.user_id, each.account_id, day] += length
    places = [GROUPINGS.index(name) for name in by]
    seconds: Counter[Key] = Counter()
    for key, length in finest.items():
        seconds[tuple(key[place] for place in places)] += length
    return seconds


def days(worked: Worked, tz: ZoneInfo) -> Iterator[tuple[date, int]]:
    """The local days that it touches, and the seconds on each."""
    start = worked.start
    day = datetime.fromtimestamp(start, tz).date()
    while start < worked.end:
        next_day = day + timedelta(days=1)
        end = min(worked.end, _beginning_of(next_day, tz))
        # Where the date line moved, a day may have no second.
        if end > start:
            yield day, end - start
            start = end
        day = next_day


def start_of_month(moment: datetime, tz: ZoneInfo) -> datetime:
    """The start of the month that contains ``moment``, or ends with it."""
    last = (moment - timedelta(seconds=1)).astimezone(tz)
    return datetime(last.year, last.month, 1, tzinfo=tz).astimezone(UTC)


@lru_cache(maxsize=1)
def time_zones() -> set[str]:
    """The IANA's names of time zones, without the machine's own ones."""
    return available_timezones() - {"Factory", "localtime"}


@lru_cache(maxsize=4096)
def _beginning_of(day: date, tz: ZoneInfo) -> int:
    # Where the clocks go forward at midnight this is the moment at which they do.
    return seconds_of(datetime(day.year, day.month, day.day, tzinfo=tz))
