"""Heartbeats of fresh presences, written seldom and without the org's lock: nobody sees them."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, not_, select, update
from sqlalchemy.orm import Session

from models import Membership, Presence
from settings import Settings

_NO_SYNC = {"synchronize_session": False}  # no presence is ever loaded as an ORM object


def beat(
    session: Session,
    member: Membership,
    presence_id: UUID,
    *,
    account_id: UUID | None = None,
    settings: Settings,
    now: datetime,
) -> bool:
    """A heartbeat of a fresh presence: no viewer sees it, so it needs no :class:`Change`.

    :param account_id: only of one on this account
    :returns: False if the member has no such fresh presence. It may be stale, or have ended:
        ``clocking.revive()`` tells, under the org's lock
    """
    lifetime = timedelta(seconds=settings.expire_after)
    interval = timedelta(seconds=settings.heartbeat_write_interval)
    fresh = and_(
        Presence.id == presence_id,
        Presence.membership_id == member.id,
        Presence.stale_since.is_(None),
        Presence.last_heartbeat_at > now - lifetime,
        *(() if account_id is None else (Presence.account_id == account_id,)),
    )
    # A time in the future, from before the clock was set back, would keep the presence fresh.
    written_lately = and_(
        Presence.last_heartbeat_at > now - interval, Presence.last_heartbeat_at <= now
    )
    written = session.scalar(
        update(Presence)
        .where(fresh, not_(written_lately))
        .values(last_heartbeat_at=now)
        .returning(Presence.id),
        execution_options=_NO_SYNC,
    )
    if written is None:
        written = session.scalar(select(Presence.id).where(fresh, written_lately))
    return written is not None
