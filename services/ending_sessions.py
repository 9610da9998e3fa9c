"""The ends of sessions: signing out, and being revoked. All tokens of a session end with it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update

from models import AccessCode, MemberSession, Membership
from services import audit_log
from services.audit_log import AboutMember, Entry
from services.change import Change
from services.errors import NotFound

_NO_SYNC = {"synchronize_session": False}


def going_on(
    member: Membership, now: datetime, account_id: UUID | None = None
) -> tuple[ColumnElement[bool], ...]:
    """The condition on the member's sessions that have not ended.

    :param account_id: only those that are for this account alone
    """
    found = (MemberSession.membership_id == member.id, *_unended(member.org_id, now))
    return found if account_id is None else (*found, MemberSession.account_id == account_id)


def _unended(org_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        MemberSession.org_id == org_id,
        MemberSession.ended_at.is_(None),
        MemberSession.expires_at > now,
    )


def sign_out(
    change: Change, member: Membership, session_id: UUID, *, account_id: UUID | None = None
) -> None:
    """End a session, as its member.

    :param account_id: only if it is for this account alone
    :raises NotFound: the member has no such session, or it has ended
    """
    found = (*going_on(member, change.now, account_id), MemberSession.id == session_id)
    if not _end(change, member, found, actor=member, reason="signed_out"):
        raise NotFound("session")


def revoke(
    change: Change, member: Membership, session_id: UUID, *, actor: Membership | None
) -> None:
    """End a member's session, as an admin.

    :raises NotFound: the member has no such session, or it has ended
    """
    found = (*going_on(member, change.now), MemberSession.id == session_id)
    if not _end(change, member, found, actor=actor):
        raise NotFound("session")


def revoke_sessions_of(
    change: Change, member: Membership, code: AccessCode, *, actor: Membership | None
) -> None:
    """End the sessions that an access code began; others continue."""
    found = (*going_on(member, change.now), MemberSession.access_code_id == code.id)
    _end(change, member, found, actor=actor)


def shorten_sessions_of(change: Change, code_ids: Sequence[UUID], ends_at: datetime) -> None:
    """Renew the sessions that these access codes began no longer than until ``ends_at``."""
    change.session.execute(
        update(MemberSession)
        .where(MemberSession.access_code_id.in_(code_ids), MemberSession.renewable_until > ends_at)
        .values(renewable_until=ends_at),
        execution_options=_NO_SYNC,
    )


def revoke_all(change: Change, member: Membership, *, actor: Membership | None) -> None:
    """End all sessions of a member, by raising the token generation.

    The generation alone refuses their tokens, so their rows are deleted.
    """
    member.token_generation += 1
    change.members_changed()
    forget_sessions_of(change, {member.id: member}, actor=actor)


def forget_sessions_of(
    change: Change, owners: Mapping[UUID, AboutMember], *, actor: Membership | None
) -> None:
    """Delete the sessions of members whose token generation is raised.

    :param owners: the members by the ids of their memberships
    """
    if not owners:
        return
    is_theirs = MemberSession.membership_id.in_(owners)
    unended = change.session.execute(
        select(MemberSession.id, MemberSession.membership_id).where(
            is_theirs, *_unended(change.org.id, change.now)
        )
    ).all()
    change.session.execute(delete(MemberSession).where(is_theirs), execution_options=_NO_SYNC)
    audit_log.record_all(
        change,
        [
            Entry(
                "session_ended",
                member=owners[each.membership_id],
                details={"session_id": str(each.id)},
            )
            for each in unended
        ],
        actor=actor,
        address=change.client.address,
    )


def _end(
    change: Change,
    member: Membership,
    found: Sequence[ColumnElement[bool]],
    *,
    actor: Membership | None,
    reason: str = "revoked",
) -> Sequence[UUID]:
    """End sessions.

    :returns: the ids of those that ended
    """
    ended = change.session.scalars(
        update(MemberSession)
        .where(*found)
        .values(ended_at=change.now, ended_reason=reason)
        .returning(MemberSession.id),
        execution_options=_NO_SYNC,
    ).all()
    if ended:
        change.members_changed()  # so that every process reads what has ended
    kind = "signed_out" if reason == "signed_out" else "session_ended"
    _record_ended(change, kind, member, ended, actor=actor)
    return ended


def _record_ended(
    change: Change,
    kind: str,
    member: Membership,
    ended: Sequence[UUID],
    *,
    actor: Membership | None,
) -> None:
    audit_log.record_each(
        change,
        kind,
        [{"session_id": str(session_id)} for session_id in ended],
        actor=actor,
        member=member,
        address=change.client.address,
    )
