"""Members: adding, renaming, deactivating and erasing them."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models import AccessCode, ClockEvent, IdempotencyKey, Membership, User
from services import presences
from services.change import Change
from services.errors import LastAdmin

ERASED = "(erased)"  # stands in the history for the name of a person who was erased


def find(session: Session, membership_id: UUID) -> Membership | None:
    """The membership with this id, of whichever org."""
    return session.scalar(
        select(Membership)
        .where(Membership.id == membership_id)
        .execution_options(populate_existing=True)
    )


def listed(session: Session, org_id: UUID) -> Sequence[Membership]:
    """The org's members, admins first, then by name."""
    found = session.scalars(select(Membership).where(Membership.org_id == org_id))
    return sorted(found, key=lambda member: (member.role, member.display_name.casefold()))


def add(change: Change, *, display_name: str, role: str) -> Membership:
    """Make a person and their membership.

    :param role: ``admin`` or ``va``
    """
    user = User(id=uuid4(), created_at=change.now)
    change.session.add(user)
    change.session.flush()
    member = Membership(
        id=uuid4(),
        org_id=change.org.id,
        user_id=user.id,
        display_name=display_name,
        role=role,
        active=True,
        token_generation=0,
        created_at=change.now,
    )
    change.session.add(member)
    change.session.flush()
    change.members_changed()
    return member


def rename(change: Change, member: Membership, display_name: str) -> None:
    """Give a member another name, from now on: the history keeps the one of then."""
    # Asked first: a presence that has run out ends under the name of then.
    held = presences.held_by(change, member)
    member.display_name = display_name
    change.members_changed(visibly=held is not None)


def deactivate(change: Change, member: Membership, *, actor_id: UUID | None) -> None:
    """Shut a member out: their presence ends, their tokens and codes are worth nothing.

    :param actor_id: the user id of the admin who does it; None for an operator
    :raises LastAdmin: nobody could administer the org any more
    """
    _raise_if_last_admin(change, member)
    held = presences.held_by(change, member)
    if held is not None:
        presences.end(change, held, "force_clear", actor_id=actor_id, reason="deactivated")
    member.active = False
    member.token_generation += 1
    change.members_changed()


def revoke_tokens(change: Change, member: Membership) -> None:
    """Make all tokens that the member has worthless."""
    member.token_generation += 1
    change.members_changed()


def erase(change: Change, member: Membership) -> None:
    """Erase a person's data from the org, and the person where this was their only org.

    The history keeps what happened on the accounts, without who it was, so that a client's hours
    still add up.
    """
    session = change.session
    held = presences.held_by(change, member)
    if held is not None:
        presences.end(change, held, "force_clear", actor_id=None, reason="erased")
    _blank_history(session, member)
    for table in (AccessCode, IdempotencyKey):
        session.execute(delete(table).where(table.membership_id == member.id))
    session.delete(member)
    session.flush()
    elsewhere = select(Membership.id).where(Membership.user_id == member.user_id)
    if session.scalar(elsewhere.limit(1)) is None:
        session.execute(delete(User).where(User.id == member.user_id))
    change.members_changed()


def _blank_history(session: Session, member: Membership) -> None:
    in_org = ClockEvent.org_id == member.org_id
    session.execute(
        update(ClockEvent)
        .where(in_org, ClockEvent.actor_id == member.user_id)
        .values(actor_id=None)
    )
    # The reason too: an admin may have written about the person.
    session.execute(
        update(ClockEvent)
        .where(in_org, ClockEvent.user_id == member.user_id)
        .values(user_id=None, display_name=ERASED, reason=None)
    )


def _raise_if_last_admin(change: Change, member: Membership) -> None:
    if member.role != "admin" or not member.active:
        return
    admins = change.session.scalar(
        select(func.count()).where(
            Membership.org_id == change.org.id, Membership.role == "admin", Membership.active
        )
    )
    if admins == 1:
        raise LastAdmin
