"""Orgs: making, finding and erasing them."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models import (
    AccessCode,
    Account,
    AuditEvent,
    ClockEvent,
    IdempotencyKey,
    MemberSession,
    Membership,
    Org,
    Presence,
    User,
)
from models.versions import Versions
from services.change import Change
from services.times import unix_milliseconds


def create(session: Session, name: str, *, now: datetime) -> Org:
    """Make an empty org; all its versions start at the time."""
    versions = dict.fromkeys(Versions._fields, unix_milliseconds(now))
    org = Org(id=uuid4(), name=name, created_at=now, **versions)
    session.add(org)
    session.flush()
    return org


def named(session: Session, name: str) -> list[Org]:
    """The orgs of this name, the eldest first; names of orgs need not be unique."""
    return list(session.scalars(select(Org).where(Org.name == name).order_by(Org.created_at)))


def is_any(session: Session) -> bool:
    """Whether there is an org at all."""
    return session.scalar(select(Org.id).limit(1)) is not None


def erase(change: Change) -> None:
    """Erase an org and all that is its own, and the people who were in no other."""
    session, org_id = change.session, change.org.id
    people = select(Membership.user_id).where(Membership.org_id == org_id)
    user_ids: list[UUID] = list(session.scalars(people))
    for table in (
        Presence,
        ClockEvent,
        AuditEvent,
        IdempotencyKey,
        MemberSession,
        AccessCode,
        Membership,
        Account,
    ):
        session.execute(delete(table).where(table.org_id == org_id))
    elsewhere = select(Membership.id).where(Membership.user_id == User.id).exists()
    session.execute(delete(User).where(User.id.in_(user_ids), ~elsewhere))
    session.execute(delete(Org).where(Org.id == org_id))
    change.erased()
