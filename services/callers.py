"""Authentication: the membership behind a token or an access code, by the database."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypedDict
from uuid import UUID

from sqlalchemy import Row, Select, and_, literal, select
from sqlalchemy.orm import Session

from models import AccessCode, IdempotencyKey, MemberSession, Membership, Org
from models import clock_state as columns
from models.roles import ROLES
from models.views import OCCUPANCY, View
from services import clock_state
from services.access_codes import Entered
from services.bearer_tokens import AnyClaims, AnyToken
from services.clock_state import Asked, ClockState
from services.errors import (
    AccessCodeRejected,
    AccountNotAllowed,
    AdminOnly,
    InsufficientScope,
    NoSession,
    NotAuthenticated,
    NotRenewable,
)
from services.issuer_tokens import IssuerClaims
from services.scopes import ANY, PERSON, SCOPES


@dataclass(frozen=True, slots=True)
class Caller:
    """A member who may call.

    :ivar bound_account_id: the only account that they may act on, or None for all
    :ivar remembered: the answer that is stored under the request's idempotency key
    :ivar at_clock: what was read of presences together with the caller
    """

    member: Membership
    org: Org
    remembered: IdempotencyKey | None
    bound_account_id: UUID | None
    at_clock: ClockState | None = field(default=None, kw_only=True)

    @property
    def view(self) -> View:
        """What the caller sees."""
        return view_of(self.member.role, self.bound_account_id)

    def require_admin(self) -> None:
        """Let admins pass, and services: ``require_scope()`` judges what those may do.

        :raises AdminOnly: the role, or a code for one account alone, does not allow it
        """
        role = ROLES[self.member.role]
        if role.is_person and (self.bound_account_id is not None or not role.administers):
            raise AdminOnly

    def may_act_on(self, account_id: UUID) -> bool:
        """Whether the caller may clock in there, out, and send heartbeats."""
        return self.bound_account_id in (None, account_id)

    def require_account(self, account_id: UUID) -> None:
        """:raises AccountNotAllowed: the caller's code was bound to another account"""
        if not self.may_act_on(account_id):
            raise AccountNotAllowed


@dataclass(frozen=True, slots=True)
class Bearer(Caller):
    """A caller who presented a token."""

    token: AnyToken

    @property
    def is_service(self) -> bool:
        return is_service(self.member.role, self.token.claims)


@dataclass(frozen=True, slots=True)
class TokenBearer(Bearer):
    """A caller who presented a token: of a session that goes on, or of a trusted issuer.

    :ivar session: None for an issuer's
    """

    session: MemberSession | None

    def renewable_session(self) -> MemberSession:
        """:raises NotRenewable: the token is an issuer's"""
        if self.session is None:
            raise NotRenewable
        return self.session

    def session_to_end(self) -> MemberSession:
        """:raises NoSession: the token is an issuer's"""
        if self.session is None:
            raise NoSession
        return self.session


@dataclass(frozen=True, slots=True)
class CodeHolder(Caller):
    """A caller who entered an access code."""

    code: AccessCode
    entered: Entered

    def raise_if_expired(self, now: datetime) -> None:
        """:raises AccessCodeRejected: the code has expired"""
        if self.code.expires_at is not None and self.code.expires_at <= now:
            raise AccessCodeRejected


def by_token(session: Session, token: AnyToken, *, key: str | None = None) -> TokenBearer:
    """The caller with this verified token, in one statement.

    :param token: for one org
    :param key: the request's Idempotency-Key
    :raises NotAuthenticated: ``revoked``, ``signed_out``, ``deactivated`` or ``unknown_member``
    """
    claims = token.claims
    is_member = [Membership.org_id == claims.org_id, Membership.user_id == claims.user_id]
    if claims.membership_id is not None:
        is_member.append(Membership.id == claims.membership_id)
    of_token = and_(
        MemberSession.id == claims.session_id, MemberSession.membership_id == Membership.id
    )
    row = session.execute(
        _members(key)
        .add_columns(MemberSession)
        .outerjoin(MemberSession, of_token)
        .where(*is_member)
    ).one_or_none()
    if row is None:
        raise NotAuthenticated(claims.stranger)
    member, org, remembered, begun = row
    id_, reason, bound = (
        (None, None, None) if begun is None else (begun.id, begun.ended_reason, begun.account_id)
    )
    raise_if_revoked(member, claims, ended=_ended(claims, id_, reason))
    return TokenBearer(member, org, remembered, bound, token, begun)


def at_clock(
    session: Session, token: AnyToken, org_id: UUID, asked: Asked, *, key: str | None = None
) -> Bearer:
    """The caller with this verified token, and what a clock event of theirs is decided by, in one
    statement. Its objects are copies: the session knows nothing of them.

    :param org_id: of the org that the token is used in
    :param key: the request's Idempotency-Key
    :raises NotAuthenticated: ``revoked``, ``signed_out``, ``deactivated`` or ``unknown_member``
    """
    claims = token.claims
    row = clock_state.read(
        session, org_id, claims.user_id, asked, session_id=claims.session_id, key=key
    )
    if row is None or claims.membership_id not in (None, row.member_id):
        raise NotAuthenticated(claims.stranger)
    caller = _of_row(row, row.session_account_id, asked)
    ended = _ended(claims, row.session_id, row.session_ended_reason)
    raise_if_revoked(caller["member"], claims, ended=ended)
    return Bearer(**caller, token=token)


class _Caller(TypedDict):
    member: Membership
    org: Org
    remembered: IdempotencyKey | None
    bound_account_id: UUID | None
    at_clock: ClockState


def _of_row(row: Row[Any], bound_account_id: UUID | None, asked: Asked) -> _Caller:
    """What every caller has, of a row of ``clock_state.read()``."""
    remembered = None
    if row.remembered_digest is not None:
        remembered = IdempotencyKey(**clock_state.part_of(row, "remembered", columns.REMEMBERED))
    return {
        "member": Membership(**clock_state.part_of(row, "member", columns.MEMBER)),
        "org": Org(**clock_state.part_of(row, "org", columns.ORG)),
        "remembered": remembered,
        "bound_account_id": bound_account_id,
        "at_clock": clock_state.of_row(row, asked),
    }


def _ended(claims: AnyClaims, session_id: UUID | None, ended_reason: str | None) -> str | None:
    """Why the session of a token has ended; None for one that goes on, and for an issuer's.

    :param session_id: None where there is no such session
    """
    if session_id is not None:
        return ended_reason
    # Of our own: it was begun after the backup that has been restored.
    return None if isinstance(claims, IssuerClaims) else "revoked"


def view_of(role: str, bound_account_id: UUID | None) -> View:
    """The view of a session. One for one account alone shows no people, whatever the role."""
    return OCCUPANCY if bound_account_id is not None else ROLES[role].sees


def is_service(role: str, claims: AnyClaims) -> bool:
    """Whether the token is a service's. Either its role or its claims suffice."""
    return claims.scopes is not None or not ROLES[role].is_person


def require_scope(role: str, claims: AnyClaims, scope: str | None, *, is_from_page: bool) -> None:
    """Let people pass, and a service that has the scope, unless a page sends its token.

    :param scope: the one that allows the call; None where none does
    :param is_from_page: the request has an ``Origin``, as only those of pages have
    :raises InsufficientScope: the service may not
    """
    if not is_service(role, claims):
        return
    if is_from_page or scope not in {ANY, *(claims.scopes or ())}:
        needed = scope if scope in SCOPES else PERSON
        raise InsufficientScope(needed, is_from_page=is_from_page)


class TokenOwner(Protocol):
    """What a membership says about whether its tokens are valid."""

    @property
    def role(self) -> str: ...
    @property
    def active(self) -> bool: ...
    @property
    def token_generation(self) -> int: ...
    @property
    def tokens_valid_from(self) -> datetime | None: ...


def raise_if_revoked(member: TokenOwner, claims: AnyClaims, *, ended: str | None) -> None:
    """Check a token against its member and its session.

    :param ended: why a session of ours has ended; None for one that goes on
    :raises NotAuthenticated: ``deactivated``, ``revoked``, ``signed_out`` or ``unknown_member``
    """
    if isinstance(claims, IssuerClaims):
        if not ROLES[member.role].is_person:  # no issuer vouches for our services
            raise NotAuthenticated(claims.stranger)
        since = member.tokens_valid_from
        are_revoked = since is not None and claims.issued_at < since
    else:
        are_revoked = member.token_generation != claims.generation
    if not member.active:
        raise NotAuthenticated("deactivated")
    if are_revoked:
        raise NotAuthenticated("revoked")
    if ended is not None:
        raise NotAuthenticated(ended)


def by_access_code(
    session: Session, entered: Entered, asked: Asked, *, key: str | None = None
) -> CodeHolder:
    """The caller with this access code, and what a clock event of theirs is decided by, in one
    statement. Its objects are copies.

    :param entered: what was valid before the org was locked; nothing but time ends it by itself
    :param key: the request's Idempotency-Key
    :raises AccessCodeRejected: the code has been revoked, or the member deactivated
    """
    org_id, user_id = entered.org_id, entered.user_id
    row = clock_state.read(session, org_id, user_id, asked, code_id=entered.code_id, key=key)
    if row is None or row.code_id is None or row.code_revoked_at or not row.member_active:
        raise AccessCodeRejected
    return CodeHolder(
        **_of_row(row, row.code_account_id, asked),
        code=AccessCode(**clock_state.part_of(row, "code", columns.CODE)),
        entered=entered,
    )


def _members(key: str | None) -> Select[Membership, Org, IdempotencyKey]:
    remembered = and_(
        IdempotencyKey.membership_id == Membership.id, IdempotencyKey.key == literal(key)
    )
    return (
        select(Membership, Org, IdempotencyKey)
        .join(Org, Org.id == Membership.org_id)
        .outerjoin(IdempotencyKey, remembered)
        .execution_options(populate_existing=True)
    )
