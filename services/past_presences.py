"""Past presences, as the history has them: how one ended, and when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models import ClockEvent

# contract.md, "Idempotency and time": the reasons of a 410.
REASONS = {
    "clock_out": "clocked_out",
    "switch": "switched",
    "force_clear": "force_cleared",
    "expire": "expired",
}


def ending_of(
    session: Session,
    org_id: UUID,
    presence_id: UUID,
    *,
    user_id: UUID | None = None,
    account_id: UUID | None = None,
) -> ClockEvent | None:
    """The event that ended a presence of ``user_id``, or one on ``account_id``; None for neither.

    A late clock-out follows the ``expire`` that ended its presence, so the first one counts.
    """
    ended = ClockEvent.presence_id == presence_id
    left = ClockEvent.from_presence_id == presence_id
    if user_id is not None:
        ended &= ClockEvent.user_id == user_id
        left &= ClockEvent.user_id == user_id
    if account_id is not None:
        ended &= ClockEvent.account_id == account_id
        left &= ClockEvent.from_account_id == account_id
    ended &= ClockEvent.kind.in_(("clock_out", "force_clear", "expire"))
    query = select(ClockEvent).where(ClockEvent.org_id == org_id, or_(ended, left))
    return session.scalar(query.order_by(ClockEvent.seq).limit(1))


def reason_of(ending: ClockEvent | None) -> str:
    """The ``reason`` of the 410 for a presence that ended so."""
    return REASONS[ending.kind] if ending else "unknown"


def last_event_at(session: Session, org_id: UUID, user_id: UUID) -> datetime | None:
    """When the member's last event occurred.

    Becoming stale does not count: the member did not do it, and may have been offline.
    """
    return session.scalar(
        select(func.max(ClockEvent.occurred_at)).where(
            ClockEvent.org_id == org_id,
            ClockEvent.user_id == user_id,
            ClockEvent.kind != "stale",
        )
    )


def has_clock_out(session: Session, org_id: UUID, presence_id: UUID) -> bool:
    """Whether the history has a clock-out of this presence, late or not."""
    found = session.scalar(
        select(ClockEvent.seq).where(
            ClockEvent.org_id == org_id,
            ClockEvent.presence_id == presence_id,
            ClockEvent.kind == "clock_out",
        )
    )
    return found is not None
