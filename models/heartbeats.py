"""Which presences a heartbeat finds fresh, and which of these were written so lately that it need
not be written: once, for a heartbeat of one member and for a batch of all orgs'."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_

from models.presence import Presence

Moment = datetime | ColumnElement[Any]


def is_fresh(expired_since: Moment) -> ColumnElement[bool]:
    """The presence is neither stale nor has it ended.

    :param expired_since: one without a heartbeat since then has ended, swept or not
    """
    return and_(Presence.stale_since.is_(None), Presence.last_heartbeat_at > expired_since)


def is_written_lately(written_since: Moment, now: Moment) -> ColumnElement[bool]:
    """The last heartbeat was written since ``written_since``.

    A time in the future, from before the clock was set back, would keep the presence fresh.
    """
    return and_(Presence.last_heartbeat_at > written_since, Presence.last_heartbeat_at <= now)
