"""Heartbeats of fresh presences, written seldom and without the org's lock: nobody sees them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, not_, select, update
from sqlalchemy.orm import Session

from models import Membership, Presence
from models.across_orgs import HEARTBEATS_WRITTEN_LATELY, WRITE_HEARTBEATS
from models.heartbeats import is_fresh, is_written_lately
from settings import Settings

_NO_SYNC = {"synchronize_session": False}  # no presence is ever loaded as an ORM object


class Beats(NamedTuple):
    """Fresh presences, after a heartbeat of each.

    :ivar written: those whose heartbeat was written
    :ivar written_lately: those of which an earlier one was, and this one need not be
    """

    written: set[UUID]
    written_lately: set[UUID]


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
    expired_since, written_since = _limits(settings, now)
    fresh = and_(
        Presence.id == presence_id,
        Presence.membership_id == member.id,
        is_fresh(expired_since),
        *(() if account_id is None else (Presence.account_id == account_id,)),
    )
    written_lately = is_written_lately(written_since, now)
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


def beat_all(
    session: Session, presence_ids: Collection[UUID], *, settings: Settings, now: datetime
) -> Beats:
    """A heartbeat of each of these presences, of whatever orgs.

    What is in neither part of the answer may be stale, or have ended, or be about to: it is locked.
    ``beat()`` tells.
    """
    expired_since, written_since = _limits(settings, now)
    limits = {"now": now, "expired_since": expired_since, "written_since": written_since}
    written = set(WRITE_HEARTBEATS.run(session, presence_ids=presence_ids, **limits).scalars())
    others = [id_ for id_ in presence_ids if id_ not in written]
    lately = (
        HEARTBEATS_WRITTEN_LATELY.run(session, presence_ids=others, **limits).scalars()
        if others
        else ()
    )
    return Beats(written, set(lately))


def _limits(settings: Settings, now: datetime) -> tuple[datetime, datetime]:
    """Since when a presence has ended without a heartbeat, and a heartbeat is a late one."""
    lifetime = timedelta(seconds=settings.expire_after)
    interval = timedelta(seconds=settings.heartbeat_write_interval)
    return now - lifetime, now - interval
