"""After how long without a heartbeat a presence is stale: nothing else asks the settings for it."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement

from models import Org, Presence
from settings import Settings


def stale_after_seconds(_org: Org, settings: Settings) -> int:
    """For the presences of an org. All orgs have the operator's time."""
    return settings.stale_after


def shortest_stale_after_seconds(settings: Settings) -> int:
    """The shortest that an org has: a request for less is refused before its org is known."""
    return settings.stale_after


def is_unseen(settings: Settings, now: datetime) -> ColumnElement[bool]:
    """Whether a presence, of whatever org, has had no heartbeat for so long."""
    return Presence.last_heartbeat_at <= now - timedelta(seconds=settings.stale_after)
