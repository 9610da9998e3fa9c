"""After how long without a heartbeat a presence is stale: nothing else asks the settings for it."""

from datetime import datetime, timedelta

from models import Org
from settings import Settings


def stale_after_seconds(_org: Org, settings: Settings) -> int:
    """For the presences of an org. All orgs have the operator's time."""
    return settings.stale_after


def shortest_stale_after_seconds(settings: Settings) -> int:
    """The shortest that an org has: a request for less is refused before its org is known."""
    return settings.stale_after


def unseen_since(settings: Settings, now: datetime) -> datetime:
    """A presence, of whatever org, without a heartbeat since then is stale."""
    return now - timedelta(seconds=settings.stale_after)
