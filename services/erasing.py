"""Erasing a person, and an org: all that the database keeps of them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, case, delete, literal, select, update
from sqlalchemy.orm import Session

from models import Base, Membership, Org, User
from models.personal import Personal, mark_of
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
    for table in _referring_first():
        _blank(session, table, member)
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
    session.execute(delete(Org).where(Org.id == org_id))
    change.erased()


def _referring_first() -> list[Table]:
    """All tables, those that refer to another before it."""
    return list(reversed(Base.metadata.sorted_tables))


def _blank(session: Session, table: Table, member: Membership) -> None:
    """Take the person out of the rows of ``table`` that tell of them."""
    marks = {column: mark for column in table.c if (mark := mark_of(column.info)) is not None}
    for whose in sorted({name for mark in marks.values() for name in mark.of}):
        blanked = {
            column: _blanked(table, column, mark)
            for column, mark in marks.items()
            if whose in mark.of
        }
        is_theirs = (table.c.org_id == member.org_id, table.c[whose] == member.user_id)
        session.execute(update(table).where(*is_theirs).values(blanked))


def _blanked(table: Table, column: Column[Any], mark: Personal) -> ColumnElement[Any]:
    becomes = literal(mark.becomes, column.type)
    if mark.kinds is None:
        return becomes
    return case((table.c.kind.in_(mark.kinds), becomes), else_=column)


def _delete_if_in_no_org(session: Session, user_ids: Collection[UUID]) -> None:
    # Locked first: another org may be taking one of them in (services/listed_members.py).
    session.execute(select(User.id).where(User.id.in_(user_ids)).with_for_update())
    elsewhere = select(Membership.id).where(Membership.user_id == User.id).exists()
    session.execute(
        delete(User).where(User.id.in_(user_ids), ~elsewhere),
        execution_options={"synchronize_session": False},
    )
