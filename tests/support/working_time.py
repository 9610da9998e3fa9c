"""Times and spans of working time."""

from datetime import UTC, datetime
from itertools import permutations
from zoneinfo import ZoneInfo

from services.working_time import GROUPINGS

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600
BYS = [",".join(some) for count in (1, 2, 3) for some in permutations(GROUPINGS, count)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def seconds(text: str) -> int:
    return int(at(text).timestamp())
