"""Sessions: they begin when somebody signs in, live through renewals, and end with all tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, case, delete, func, literal, select, update
from sqlalchemy.orm import Session

from models import AccessCode, Account, MemberSession, Membership
from services import audit_log, tokens
from services.change import Change
from services.errors import NotAuthenticated, NotFound
from services.old_rows import delete_oldest
from services.times import rfc3339
from services.tokens import Token
from settings import Settings

RENEWABLE_FOR = timedelta(days=30)  # contract.md, "Credentials"
# Of a member, whose tokens have not run out; one more ends them all. Whoever signs in every ten
# seconds stays below, and memory has to keep no more ended ones of a member than this.
MOST_UNEXPIRED = 5_000
KEPT_EXPIRED_FOR = timedelta(hours=1)  # the clocks of the machines may differ

_NO_SYNC = {"synchronize_session": False}
_TIME = MemberSession.expires_at.type


def begin(
    change: Change,
    member: Membership,
    *,
    code: AccessCode | None = None,
    ttl_seconds: int | None = None,
) -> tuple[MemberSession, Token]:
    """Begin a session, with its first token.

    :param code: the access code that was entered; None for an operator's command
    :param ttl_seconds: how long the token lasts, where that is an operator's word
    """
    _make_room(change, member)
    now, settings = change.now, change.settings
    renewable_until = now + RENEWABLE_FOR
    if code is not None and code.expires_at is not None:
        renewable_until = min(renewable_until, code.expires_at)
    if ttl_seconds is None:
        expires_at = _expires_at(now, renewable_until, settings)
    else:
        expires_at = _whole_second(now + timedelta(seconds=ttl_seconds))
    begun = MemberSession(
        id=uuid4(),
        org_id=member.org_id,
        membership_id=member.id,
        access_code_id=code.id if code else None,
        account_id=code.account_id if code else None,
        address=change.client.address,
        user_agent=change.client.user_agent,
        created_at=now,
        renewable_until=renewable_until,
        expires_at=expires_at,
    )
    change.session.add(begun)
    change.session.flush()
    token = tokens.issue(member, begun, expires_at=expires_at, settings=settings, now=now)
    return begun, token


def sign_in(change: Change, member: Membership, code: AccessCode) -> Token:
    """Begin a session with an access code that lets in."""
    session, token = begin(change, member, code=code)
    account = change.session.get(Account, code.account_id) if code.account_id else None
    known = {"session_id": str(session.id), "code_id": str(code.id)}
    audit_log.record(
        change,
        "signed_in",
        actor=member,
        member=member,
        account=account,
        details=known,
        address=change.client.address,
    )
    return token


def hand_out(
    change: Change, member: Membership, *, actor: Membership | None, ttl_seconds: int | None = None
) -> Token:
    """Begin a session whose token somebody else passes on to ``member``.

    :param actor: the admin who does it; None for an operator's command
    """
    session, token = begin(change, member, ttl_seconds=ttl_seconds)
    known = {"session_id": str(session.id), "expires_at": rfc3339(session.expires_at)}
    audit_log.record(change, "token_issued", actor=actor, member=member, details=known)
    return token


def renew(
    session: Session,
    member: Membership,
    renewed: MemberSession,
    *,
    settings: Settings,
    now: datetime,
) -> Token:
    """Give a session another token, as good as the one before.

    :raises NotAuthenticated: ``expired``, or why it has ended meanwhile
    """
    if now >= renewed.renewable_until:
        raise NotAuthenticated("expired")
    expires_at = _expires_at(now, renewed.renewable_until, settings)
    of_this = MemberSession.id == renewed.id
    # Of a token before this one, where the operator has shortened their life meanwhile.
    is_later = MemberSession.expires_at > expires_at
    latest = case((is_later, MemberSession.expires_at), else_=literal(expires_at, _TIME))
    # Not under the org's lock, since no view shows it: so it asks again whether it may.
    found = session.scalar(
        update(MemberSession)
        .where(of_this, MemberSession.ended_at.is_(None))
        .values(last_renewed_at=now, expires_at=latest)
        .returning(MemberSession.id),
        execution_options=_NO_SYNC,
    )
    if found is None:
        reason = session.scalar(select(MemberSession.ended_reason).where(of_this))
        raise NotAuthenticated(reason or "revoked")
    return tokens.issue(member, renewed, expires_at=expires_at, settings=settings, now=now)


class Listed(NamedTuple):
    """:ivar is_current: whether it is the one that asks"""

    session: MemberSession
    is_current: bool


def list_sessions(
    session: Session,
    member: Membership,
    *,
    current: MemberSession,
    now: datetime,
    account_id: UUID | None = None,
) -> list[Listed]:
    """The member's sessions that go on, the newest first.

    :param current: the session that asks
    :param account_id: only those that are for this account alone
    """
    newest_first = (MemberSession.created_at.desc(), MemberSession.id)
    goes_on = _that_go_on(member, now, account_id)
    found = session.scalars(select(MemberSession).where(*goes_on).order_by(*newest_first))
    return [Listed(each, each.id == current.id) for each in found]


def sign_out(
    change: Change, member: Membership, session_id: UUID, *, account_id: UUID | None = None
) -> None:
    """End a session, as its member.

    :param account_id: only if it is for this account alone
    :raises NotFound: the member has none such, or it has ended
    """
    found = (*_that_go_on(member, change.now, account_id), MemberSession.id == session_id)
    if not _end(change, member, found, actor=member, reason="signed_out"):
        raise NotFound("session")


def revoke(
    change: Change, member: Membership, session_id: UUID, *, actor: Membership | None
) -> None:
    """End a member's session, as an admin.

    :raises NotFound: the member has none such, or it has ended
    """
    found = (*_that_go_on(member, change.now), MemberSession.id == session_id)
    if not _end(change, member, found, actor=actor):
        raise NotFound("session")


def revoke_those_of(
    change: Change, member: Membership, code: AccessCode, *, actor: Membership | None
) -> None:
    """End the sessions that an access code began; others go on."""
    found = (*_that_go_on(member, change.now), MemberSession.access_code_id == code.id)
    _end(change, member, found, actor=actor)


def shorten_those_of(change: Change, code_ids: Sequence[UUID], ends_at: datetime) -> None:
    """Renew the sessions that these access codes began no longer than until ``ends_at``."""
    change.session.execute(
        update(MemberSession)
        .where(MemberSession.access_code_id.in_(code_ids), MemberSession.renewable_until > ends_at)
        .values(renewable_until=ends_at),
        execution_options=_NO_SYNC,
    )


def revoke_all(change: Change, member: Membership, *, actor: Membership | None) -> None:
    """End all sessions of a member, by raising the token generation.

    It refuses their tokens by itself, so that nothing needs to be known of them any more.
    """
    member.token_generation += 1
    change.members_changed()
    going_on = change.session.scalars(
        select(MemberSession.id).where(*_that_go_on(member, change.now))
    ).all()
    change.session.execute(
        delete(MemberSession).where(MemberSession.membership_id == member.id),
        execution_options=_NO_SYNC,
    )
    _keep_ended(change, "session_ended", member, going_on, actor=actor)


def delete_old(session: Session, *, now: datetime, most: int) -> int:
    """Delete sessions whose tokens have all run out, but not more than ``most``.

    :returns: how many
    """
    old = MemberSession.expires_at <= now - KEPT_EXPIRED_FOR
    return delete_oldest(session, MemberSession, old, by=MemberSession.expires_at, most=most)


def _expires_at(now: datetime, renewable_until: datetime, settings: Settings) -> datetime:
    return _whole_second(min(now + timedelta(seconds=settings.token_ttl), renewable_until))


def _whole_second(moment: datetime) -> datetime:
    """As tokens have it: a session must not seem to run out before its last token."""
    return moment.replace(microsecond=0)


def _make_room(change: Change, member: Membership) -> None:
    unexpired = change.session.scalar(
        select(func.count()).where(
            MemberSession.membership_id == member.id, MemberSession.expires_at > change.now
        )
    )
    if unexpired and unexpired >= MOST_UNEXPIRED:
        revoke_all(change, member, actor=None)


def _that_go_on(
    member: Membership, now: datetime, account_id: UUID | None = None
) -> tuple[ColumnElement[bool], ...]:
    found = (
        MemberSession.membership_id == member.id,
        MemberSession.org_id == member.org_id,
        MemberSession.ended_at.is_(None),
        MemberSession.expires_at > now,
    )
    return found if account_id is None else (*found, MemberSession.account_id == account_id)


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
        change.members_changed()  # with which every memory reads what has ended
    kind = "signed_out" if reason == "signed_out" else "session_ended"
    _keep_ended(change, kind, member, ended, actor=actor)
    return ended


def _keep_ended(
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
