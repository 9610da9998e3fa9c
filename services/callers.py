"""Who calls: the membership behind a token or an access code, judged by the database."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import Select, and_, literal, select
from sqlalchemy.orm import Session

from models import IdempotencyKey, Membership, Org
from services import access_codes, tokens
from services.errors import AccessCodeRejected, AdminOnly, NotAuthenticated
from services.tokens import Claims, Token
from settings import Settings


@dataclass(frozen=True, slots=True)
class Caller:
    """A member who may call, and how they proved it.

    :ivar token: the one presented, or a new one where they came with an access code
    :ivar remembered: what their idempotency key stands for already
    """

    member: Membership
    org: Org
    token: Token
    remembered: IdempotencyKey | None

    @property
    def view(self) -> str:
        """The view that the member may see: ``admin`` or ``va``."""
        return self.member.role

    @property
    def bound_account_id(self) -> UUID | None:
        """The only account that the caller may clock in to, or None for all."""
        return self.token.claims.account_id

    def require_admin(self) -> None:
        """:raises AdminOnly: the caller is none"""
        if self.member.role != "admin":
            raise AdminOnly


def by_token(session: Session, token: Token, *, key: str | None = None) -> Caller:
    """The caller with this verified token, in one statement.

    :param key: the request's Idempotency-Key
    :raises NotAuthenticated: ``revoked``, ``deactivated``, or ``invalid``
    """
    claims = token.claims
    row = session.execute(
        _members(key).where(
            Membership.id == claims.membership_id,
            Membership.org_id == claims.org_id,
            Membership.user_id == claims.user_id,
        )
    ).one_or_none()
    if row is None:
        # The signature is ours, so the member was there: they have been erased.
        raise NotAuthenticated("revoked")
    member, org, remembered = row
    check(member, claims)
    return Caller(member, org, token, remembered)


class Judged(Protocol):
    """As much of a membership as decides whether its tokens are good."""

    @property
    def active(self) -> bool: ...
    @property
    def token_generation(self) -> int: ...


def check(member: Judged, claims: Claims) -> None:
    """:raises NotAuthenticated: ``deactivated`` or ``revoked``"""
    if not member.active:
        raise NotAuthenticated("deactivated")
    if member.token_generation != claims.generation:
        raise NotAuthenticated("revoked")


def by_access_code(
    session: Session, typed: str, *, settings: Settings, now: datetime, key: str | None = None
) -> Caller:
    """The caller with this access code, in one statement, with a new token.

    :param key: the request's Idempotency-Key
    :raises AccessCodeRejected: the code is malformed, unknown, expired or revoked, or the member
        is deactivated
    """
    code = access_codes.valid(typed, settings=settings, now=now).subquery()
    row = session.execute(
        _members(key)
        .add_columns(code.c.account_id)
        .join(code, code.c.membership_id == Membership.id)
    ).one_or_none()
    if row is None:
        raise AccessCodeRejected
    member, org, remembered, account_id = row
    token = tokens.issue(member, settings=settings, now=now, account_id=account_id)
    return Caller(member, org, token, remembered)


def renewed(caller: Caller, *, settings: Settings, now: datetime) -> Caller:
    """The caller with a new token, as good as the one they came with.

    :raises NotAuthenticated: the access code was entered too long ago
    """
    claims = caller.token.claims
    if now >= claims.auth_time + tokens.RENEWABLE_FOR:
        raise NotAuthenticated("expired")
    token = tokens.issue(
        caller.member,
        settings=settings,
        now=now,
        account_id=claims.account_id,
        auth_time=claims.auth_time,
    )
    return replace(caller, token=token)


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
