"""Members: finding, listing, adding and changing them."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models import Membership, User
from models.roles import ROLES, ROLES_OF_PEOPLE
from services import audit_log, ending_sessions, presences
from services.change import Change
from services.errors import LastAdmin, NotFound


def find(session: Session, membership_id: UUID) -> Membership | None:
    """The membership with this id, of any org: a member's, or a service's."""
    return session.scalar(
        select(Membership)
        .where(Membership.id == membership_id)
        .execution_options(populate_existing=True)
    )


def find_in(session: Session, org_id: UUID, membership_id: UUID) -> Membership:
    """The org's member.

    :raises NotFound: the org has no such member
    """
    member = find(session, membership_id)
    if member is None or member.org_id != org_id or not ROLES[member.role].is_person:
        raise NotFound("member")
    return member


def find_user(session: Session, org_id: UUID, user_id: UUID) -> Membership:
    """The org's member with this user id.

    :raises NotFound: the org has no such member
    """
    found = session.scalar(
        select(Membership)
        .where(Membership.org_id == org_id, Membership.user_id == user_id)
        .execution_options(populate_existing=True)
    )
    if found is None or not ROLES[found.role].is_person:
        raise NotFound("member")
    return found


def list_members(session: Session, org_id: UUID) -> Sequence[Membership]:
    """The org's members, by their roles' ranks, then by name. A service is none."""
    is_person = Membership.role.in_(ROLES_OF_PEOPLE)
    found = session.scalars(select(Membership).where(Membership.org_id == org_id, is_person))
    return sorted(
        found, key=lambda member: (ROLES[member.role].rank, member.display_name.casefold())
    )


def is_admin_of(org_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """The condition on the memberships that administer the org."""
    administering = [role.name for role in ROLES.values() if role.administers]
    return (
        Membership.org_id == org_id,
        Membership.role.in_(administering),
        Membership.active.is_(True),
    )


def add(change: Change, *, display_name: str, role: str, actor: Membership | None) -> Membership:
    """Make a person and their membership.

    :param role: a name in ``models/roles.py``
    :param actor: the admin who does it; None for an operator's command
    """
    member = join(change, display_name, role)
    change.members_changed()
    audit_log.record(change, "member_added", actor=actor, member=member, details={"role": role})
    return member


def join(change: Change, display_name: str, role: str) -> Membership:
    """Make a user, a person or not, and their membership. The caller tells of it."""
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
    return member


def amend(
    change: Change,
    member: Membership,
    *,
    actor: Membership | None,
    display_name: str | None = None,
    role: str | None = None,
    active: bool | None = None,
) -> None:
    """Rename a member, change their role, deactivate or reactivate them: all of it, or nothing.

    :param actor: the admin who does it; None for an operator's command
    :raises LastAdmin: nobody would be left to administer the org
    """
    if active is False or (role is not None and not ROLES[role].administers):
        raise_if_last_admin(change, member)
    if active is False and member.active:
        _deactivate(change, member, actor)
    if display_name is not None and display_name != member.display_name:
        _rename(change, member, display_name, actor)
    if role is not None and role != member.role:
        _change_role(change, member, role, actor)
    if active and not member.active:
        member.active = True
        change.members_changed()
        audit_log.record(change, "member_reactivated", actor=actor, member=member)


def revoke_tokens(change: Change, member: Membership, *, actor: Membership | None) -> None:
    """Revoke all tokens of the member.

    :param actor: the admin who does it; None for an operator's command
    """
    audit_log.record(change, "tokens_revoked", actor=actor, member=member)
    _revoke_all_tokens(change, member, actor)


def _rename(
    change: Change, member: Membership, display_name: str, actor: Membership | None
) -> None:
    """Rename the member from now on; the history keeps the former name."""
    # Read first: a presence that has expired ends under the former name.
    held = presences.held_by(change, member)
    names = {"from": member.display_name, "to": display_name}
    member.display_name = display_name
    change.members_changed(visibly=held is not None)
    audit_log.record(change, "member_renamed", actor=actor, member=member, details=names)


def _change_role(change: Change, member: Membership, role: str, actor: Membership | None) -> None:
    roles = {"from": member.role, "to": role}
    member.role = role
    change.members_changed()
    audit_log.record(change, "member_role_changed", actor=actor, member=member, details=roles)


def _deactivate(change: Change, member: Membership, actor: Membership | None) -> None:
    """End the member's presence and tokens. Their codes are refused until they are reactivated."""
    held = presences.held_by(change, member)
    if held is not None:
        actor_id = actor.user_id if actor else None
        presences.end(change, held, "force_clear", actor_id=actor_id, reason="deactivated")
    member.active = False
    audit_log.record(change, "member_deactivated", actor=actor, member=member)
    _revoke_all_tokens(change, member, actor)


def _revoke_all_tokens(change: Change, member: Membership, actor: Membership | None) -> None:
    member.tokens_valid_from = change.now
    ending_sessions.revoke_all(change, member, actor=actor)


def raise_if_last_admin(change: Change, member: Membership) -> None:
    """:raises LastAdmin: without this member nobody would be left to administer the org"""
    if not ROLES[member.role].administers or not member.active:
        return
    admins = select(func.count()).where(*is_admin_of(change.org.id))
    if change.session.scalar(admins) == 1:
        raise LastAdmin
