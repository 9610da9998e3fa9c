"""Erasing a person, and an org: all that the database keeps of them."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Table, delete, select
from sqlalchemy.orm import Session

from models import Base, Membership, User
from models.across_orgs import DELETE_USERS_IN_NO_ORG
from models.blanking import BLANKINGS
from services import audit_log, presences
from services.change import Change


def erase_member(change: Change, member: Membership, *, actor: Membership | None = None) -> None:
    """Erase a person's data from the org, and the person where this was their only org.

    The history keeps what happened on the accounts, without who it was, so that a client's hours
    still add up.

    :param actor: the admin who does it; None for an operator's command
    """
    session = change.session
    held = presences.held_by(change, member)
    if held is not None:
        actor_id = actor.user_id if actor else None
        presences.end(change, held, "force_clear", actor_id=actor_id, reason="erased")
    audit_log.record(change, "member_erased", actor=actor, member=member)
    for blanking in BLANKINGS:
        blanking.run(session, org=member.org_id, person=member.user_id)
    delete_membership(session, member)
    change.members_changed()


def delete_membership(session: Session, member: Membership) -> None:
    """Delete a membership, what is its own, and its user where this was their only org."""
    for table in _referring_first():
        if "membership_id" in table.c:
            session.execute(delete(table).where(table.c.membership_id == member.id))
    session.delete(member)
    session.flush()
    _delete_if_in_no_org(session, [member.user_id])


def erase_org(change: Change) -> None:
    """Erase an org and all that is its own, and the people who were in no other."""
    session, org_id = change.session, change.org.id
    people = session.scalars(select(Membership.user_id).where(Membership.org_id == org_id)).all()
    for table in _referring_first():
        if "org_id" in table.c:
            session.execute(delete(table).where(table.c.org_id == org_id))
    _delete_if_in_no_org(session, people)
    change.erase_org()


def _referring_first() -> list[Table]:
    """All tables, those that refer to another before it."""
    return list(reversed(Base.metadata.sorted_tables))


def _delete_if_in_no_org(session: Session, user_ids: Collection[UUID]) -> None:
    # Locked first: another org may be taking one of them in (services/listed_members.py).
    session.execute(select(User.id).where(User.id.in_(user_ids)).with_for_update())
    DELETE_USERS_IN_NO_ORG.run(session, user_ids=user_ids)
