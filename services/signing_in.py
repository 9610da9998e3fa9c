"""Signing in: what a client learns about itself."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Presence
from services import sessions
from services.bearer_tokens import AnyToken
from services.callers import Bearer, Caller, CodeHolder
from services.change import Change
from settings import Settings


class OwnPresence(NamedTuple):
    """A member's current presence, as they see it."""

    presence_id: UUID
    account_id: UUID
    clocked_in_at: datetime


def token_of(change: Change, caller: Bearer | CodeHolder) -> AnyToken:
    """The token that the caller presented, or, for an access code, that of a new session."""
    if isinstance(caller, Bearer):
        return caller.token
    return sessions.sign_in(change, caller)


def own_presence(
    session: Session, caller: Caller, *, settings: Settings, now: datetime
) -> OwnPresence | None:
    """The caller's current presence; None for one that has expired and waits for the sweep."""
    alive_since = now - timedelta(seconds=settings.expire_after)
    if caller.at_clock is not None:
        own = caller.at_clock.own
        if own is None or own.last_heartbeat_at <= alive_since:
            return None
        return OwnPresence(own.presence_id, own.account_id, own.clocked_in_at)
    row = session.execute(
        select(Presence.id.label("presence_id"), Presence.account_id, Presence.clocked_in_at).where(
            Presence.user_id == caller.member.user_id,
            Presence.org_id == caller.org.id,
            Presence.last_heartbeat_at > alive_since,
        )
    ).one_or_none()
    return None if row is None else OwnPresence(**row._mapping)
