"""Sessions: they begin when somebody signs in and live through renewals."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import case, func, insert, literal, select, update
from sqlalchemy.orm import Session

from models import AccessCode, MemberSession, Membership
from models.across_orgs import DELETE_OLD_SESSIONS
from models.few_trips import later
from models.roles import ROLES
from services import audit_log, tokens
from services.callers import CodeHolder
from services.change import Change
from services.ending_sessions import going_on, revoke_all
from services.errors import NotAuthenticated, NotRenewable
from services.times import rfc3339
from services.tokens import Token
from settings import Settings

RENEWABLE_FOR = timedelta(days=30)  # contract.md, "Credentials"
# Unexpired sessions of one member; one more ends them all. A client that signs in every ten seconds
# stays below, and memory holds no more ended sessions of a member than this.
MOST_UNEXPIRED = 5_000
KEPT_EXPIRED_FOR = timedelta(hours=1)  # because the clocks of machines may differ

_NO_SYNC = {"synchronize_session": False}
_TIME = MemberSession.expires_at.type


def begin(
    change: Change,
    member: Membership,
    *,
    code: AccessCode | None = None,
    expires_at: datetime | None = None,
    scope: str | None = None,
    unexpired: int | None = None,
) -> tuple[MemberSession, Token]:
    """Begin a session, with its first token.

    :param code: the access code that was entered; None for an operator's command
    :param expires_at: when the token does, if somebody says so
    :param scope: a service's scopes, separated by spaces
    :param unexpired: how many sessions the member has whose tokens are not all expired, if known
    """
    member = _make_room(change, member, unexpired)
    now, settings = change.now, change.settings
    renewable_until = now + RENEWABLE_FOR
    if code is not None and code.expires_at is not None:
        renewable_until = min(renewable_until, code.expires_at)
    if expires_at is None:
        expires_at = _expires_at(now, renewable_until, settings)
    row = {
        "id": uuid4(),
        "org_id": member.org_id,
        "membership_id": member.id,
        "access_code_id": code.id if code else None,
        "account_id": code.account_id if code else None,
        "address": change.client.address,
        "user_agent": change.client.user_agent,
        "created_at": now,
        "renewable_until": renewable_until,
        "expires_at": expires_at,
    }
    later(change.session, insert(MemberSession), row)
    begun = MemberSession(**row)
    token = tokens.issue(
        member, begun, expires_at=expires_at, settings=settings, now=now, scope=scope
    )
    return begun, token


def sign_in(change: Change, caller: CodeHolder) -> Token:
    """Begin a session with a valid access code."""
    member, code, entered = caller.member, caller.code, caller.entered
    session, token = begin(change, member, code=code, unexpired=entered.unexpired_sessions)
    audit_log.record(
        change,
        "signed_in",
        actor=member,
        member=member,
        account=entered.account,
        details={"session_id": str(session.id), "code_id": str(code.id)},
        address=change.client.address,
    )
    return token


def hand_out(
    change: Change, member: Membership, *, actor: Membership | None, ttl_seconds: int | None = None
) -> Token:
    """Begin a session whose token somebody else passes on to ``member``.

    :param actor: the admin who does it; None for an operator's command
    """
    expires_at = None
    if ttl_seconds is not None:
        expires_at = whole_second(change.now + timedelta(seconds=ttl_seconds))
    session, token = begin(change, member, expires_at=expires_at)
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
    """Issue another token for a session.

    :raises NotAuthenticated: ``expired``, or why it has ended meanwhile
    :raises NotRenewable: the token is a service's
    """
    if not ROLES[member.role].is_person:
        raise NotRenewable
    if now >= renewed.renewable_until:
        raise NotAuthenticated("expired")
    expires_at = _expires_at(now, renewed.renewable_until, settings)
    of_this = MemberSession.id == renewed.id
    # The former token's, if the operator has shortened PRESENCE_TOKEN_TTL meanwhile.
    is_later = MemberSession.expires_at > expires_at
    latest = case((is_later, MemberSession.expires_at), else_=literal(expires_at, _TIME))
    # No view shows it, so the org is not locked; the statement checks again that it may.
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
    current: MemberSession | None,
    now: datetime,
    account_id: UUID | None = None,
) -> list[Listed]:
    """The member's sessions that go on, the newest first.

    :param current: the session that asks; None where an issuer's token does
    :param account_id: only those that are for this account alone
    """
    newest_first = (MemberSession.created_at.desc(), MemberSession.id)
    still = going_on(member, now, account_id)
    found = session.scalars(select(MemberSession).where(*still).order_by(*newest_first))
    return [Listed(each, current is not None and each.id == current.id) for each in found]


def delete_old(session: Session, *, now: datetime, most: int) -> int:
    """Delete at most ``most`` sessions whose tokens have all expired.

    :returns: how many
    """
    before = now - KEPT_EXPIRED_FOR
    return len(DELETE_OLD_SESSIONS.run(session, before=before, most=most).all())


def _expires_at(now: datetime, renewable_until: datetime, settings: Settings) -> datetime:
    return whole_second(min(now + timedelta(seconds=settings.token_ttl), renewable_until))


def whole_second(moment: datetime) -> datetime:
    """Tokens have whole seconds: a session must not seem to expire before its last token."""
    return moment.replace(microsecond=0)


def _make_room(change: Change, member: Membership, unexpired: int | None) -> Membership:
    """:returns: the member, with the token generation of new tokens"""
    if unexpired is None:
        theirs = MemberSession.membership_id == member.id
        unexpired = change.session.scalar(
            select(func.count()).where(theirs, MemberSession.expires_at > change.now)
        )
    if unexpired and unexpired >= MOST_UNEXPIRED:
        # A caller who entered a code is a copy, and what is changed in it is not written.
        member = change.session.get_one(Membership, member.id, populate_existing=True)
        revoke_all(change, member, actor=None)
    return member
