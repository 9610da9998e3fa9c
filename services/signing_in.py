"""Signing in: what a client learns about itself."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Presence
from services import accounts, sessions
from services.callers import Caller, CodeHolder, TokenBearer
from services.change import Change
from services.snapshot import Own, own
from services.times import rfc3339
from services.tokens import Token
from settings import Settings


class OwnPresence(NamedTuple):
    """Where a member is now."""

    presence_id: UUID
    account_id: UUID
    clocked_in_at: datetime


def token_of(change: Change, caller: TokenBearer | CodeHolder) -> Token:
    """The token that the caller presented, or, for an access code, that of a new session."""
    if isinstance(caller, TokenBearer):
        return caller.token
    return sessions.sign_in(change, caller.member, caller.code)


def opened(
    caller: Caller, token: Token, presence: Own | None, *, settings: Settings
) -> dict[str, Any]:
    """The session body without ``accounts``."""
    return {
        "token": token.raw,
        "token_type": "Bearer",
        "expires_at": rfc3339(token.claims.expires_at),
        "session_id": str(token.claims.session_id),
        **described(caller, presence),
        "heartbeat_interval": settings.heartbeat_interval,
        "poll_interval": settings.poll_interval,
    }


def with_accounts(
    session: Session, caller: Caller, token: Token, *, settings: Settings, now: datetime
) -> dict[str, Any]:
    """The session body as signing in and renewing answer it."""
    presence = own_presence(session, caller, settings=settings, now=now)
    body = opened(caller, token, presence, settings=settings)
    choices = accounts.as_choices(session, caller.org.id, caller.bound_account_id)
    return {**body, "accounts": choices}


def described(caller: Caller, presence: Own | None) -> dict[str, Any]:
    """The member, their org and their presence."""
    member = caller.member
    return {
        "member": {
            "id": str(member.id),
            "user_id": str(member.user_id),
            "display_name": member.display_name,
            "role": member.role,
        },
        "org": {"id": str(caller.org.id), "name": caller.org.name},
        "presence": None if presence is None else own(presence),
    }


def own_presence(
    session: Session, caller: Caller, *, settings: Settings, now: datetime
) -> OwnPresence | None:
    """The caller's current presence; not one that has run out and waits to be swept."""
    row = session.execute(
        select(Presence.id.label("presence_id"), Presence.account_id, Presence.clocked_in_at).where(
            Presence.user_id == caller.member.user_id,
            Presence.org_id == caller.org.id,
            Presence.last_heartbeat_at > now - timedelta(seconds=settings.expire_after),
        )
    ).one_or_none()
    return None if row is None else OwnPresence(**row._mapping)
