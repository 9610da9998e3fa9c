"""Presences without heartbeats: a sweep marks them stale and ends them; an admin clears them."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from models import Presence
from models.across_orgs import DUE_ORGS, PRESENCES_BY_STATE
from services import presences
from services.callers import Caller
from services.change import Change
from services.presences import Held
from services.staleness import unseen_since
from settings import Settings


def due_orgs(session: Session, *, settings: Settings, now: datetime) -> list[UUID]:
    """The orgs with a presence that is due to become stale or to end."""
    found = DUE_ORGS.run(
        session,
        unseen_since=unseen_since(settings, now),
        expired_since=now - timedelta(seconds=settings.expire_after),
    )
    return list(found.scalars())


def count_by_state(session: Session) -> tuple[int, int]:
    """How many presences are active, and how many are stale, in all orgs together."""
    counts = PRESENCES_BY_STATE.run(session).one()
    return counts.active, counts.stale


def sweep(change: Change) -> tuple[int, int]:
    """Sweep one org.

    :returns: how many presences became stale, and how many ended
    """
    unseen_since = change.now - timedelta(seconds=change.stale_after_seconds)
    unseen = presences.held_where(change, Presence.last_heartbeat_at <= unseen_since)
    ended = presences.expire(change, unseen)
    remaining = (held for held in unseen if held.presence_id not in ended)
    return len(presences.mark_stale(change, remaining)), len(ended)


def clear_unseen(
    change: Change, caller: Caller, *, stale_for_seconds: int, dry_run: bool
) -> list[Held]:
    """End the org's presences that have been unseen for so long, as an admin.

    :param stale_for_seconds: no less than ``stale_after``
    :param dry_run: only find them
    :returns: those that ended, or would
    """
    caller.require_admin()
    unseen_since = change.now - timedelta(seconds=stale_for_seconds)
    unseen = presences.alive_where(change, Presence.last_heartbeat_at <= unseen_since)
    if dry_run:
        return unseen
    return presences.clear_unseen(
        change,
        unseen,
        unseen_since=unseen_since,
        actor_id=caller.member.user_id,
        reason=f"unseen for {stale_for_seconds} s",
    )
