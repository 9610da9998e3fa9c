"""The only writers of what is seen of presences: each takes a Change and records an event."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypedDict, Unpack
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from models import Account, Membership, Presence
from models.few_trips import later
from services.change import Change

_NO_SYNC = {"synchronize_session": False}  # no presence is ever loaded as an ORM object
_ITS = Presence.id == bindparam("presence_id")


def _upsert(insert: Any) -> Any:
    """Insert the member's presence, or move the one that they have."""
    return insert.on_conflict_do_update(
        index_elements=["user_id", "org_id"],
        set_={
            name: insert.excluded[name]
            for name in ("id", "account_id", "clocked_in_at", "last_heartbeat_at", "stale_since")
        },
    ).inline()


_PUT = {
    dialect: _upsert(module.insert(Presence))
    for dialect, module in (("sqlite", sqlite), ("postgresql", postgresql))
}
_END = delete(Presence).where(_ITS)
_RENEW = update(Presence).where(_ITS)


@dataclass(frozen=True, slots=True)
class Held:
    """A presence as read under the lock, with the names that the history keeps."""

    presence_id: UUID
    account_id: UUID
    account_name: str
    user_id: UUID
    membership_id: UUID
    display_name: str
    clocked_in_at: datetime
    last_heartbeat_at: datetime
    stale_since: datetime | None

    @property
    def state(self) -> str:
        """``active``, or ``stale``: without a heartbeat for ``stale_after``."""
        return "active" if self.stale_since is None else "stale"


# The columns of a Held, by its names.
HELD = (
    Presence.id.label("presence_id"),
    Presence.account_id,
    Account.name.label("account_name"),
    Presence.user_id,
    Presence.membership_id,
    Membership.display_name,
    Presence.clocked_in_at,
    Presence.last_heartbeat_at,
    Presence.stale_since,
)


def held_where(change: Change, *conditions: ColumnElement[bool]) -> list[Held]:
    """The org's presences that meet ``conditions``, including those that have expired."""
    rows = change.session.execute(
        select(*HELD)
        .join(Account, Account.id == Presence.account_id)
        .join(Membership, Membership.id == Presence.membership_id)
        .where(Presence.org_id == change.org.id, *conditions)
        .order_by(Presence.account_id)
    )
    return [Held(**row._mapping) for row in rows]


def alive_where(change: Change, *conditions: ColumnElement[bool]) -> list[Held]:
    """The org's presences that meet ``conditions``; expired ones are ended first."""
    return alive(change, held_where(change, *conditions))


def alive(change: Change, found: Iterable[Held | None]) -> list[Held]:
    """Those of ``found`` that have not expired; the others are ended."""
    there = [held for held in found if held is not None]
    ended = expire(change, there)
    return [held for held in there if held.presence_id not in ended]


def if_alive(change: Change, held: Held | None) -> Held | None:
    """The presence, unless it has expired."""
    return next(iter(alive(change, [held])), None)


def holder_of(change: Change, account_id: UUID) -> Held | None:
    """The presence on the account."""
    return next(iter(alive_where(change, Presence.account_id == account_id)), None)


def held_by(change: Change, member: Membership) -> Held | None:
    """The member's presence."""
    return next(iter(alive_where(change, Presence.user_id == member.user_id)), None)


class AnyAccount(Protocol):
    """An account, to be put on."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


class Said(TypedDict, total=False):
    """What a client says of a clock-in.

    :ivar occurred_at: when it happened, for the history, if that was not now
    """

    occurred_at: datetime | None


def put(
    change: Change,
    member: Membership,
    account: AnyAccount,
    left: Held | None,
    **said: Unpack[Said],
) -> Held:
    """Put ``member`` on ``account``, which nobody holds, in one step with leaving ``left``."""
    occurred_at = said.get("occurred_at") or change.now
    new = Held(
        presence_id=uuid4(),
        account_id=account.id,
        account_name=account.name,
        user_id=member.user_id,
        membership_id=member.id,
        display_name=member.display_name,
        clocked_in_at=change.now,
        last_heartbeat_at=change.now,
        stale_since=None,
    )
    later(
        change.session,
        _PUT[change.session.get_bind().dialect.name],
        {
            "id": new.presence_id,
            "org_id": change.org.id,
            "account_id": new.account_id,
            "user_id": new.user_id,
            "membership_id": new.membership_id,
            "clocked_in_at": new.clocked_in_at,
            "last_heartbeat_at": new.last_heartbeat_at,
            "stale_since": None,
        },
    )
    if left is None:
        change.record("clock_in", [(new, occurred_at)], actor_id=member.user_id)
    else:
        change.record(
            "switch",
            [(new, occurred_at)],
            actor_id=member.user_id,
            from_account_id=left.account_id,
            from_presence_id=left.presence_id,
        )
    return new


def end(
    change: Change,
    held: Held,
    kind: str,
    *,
    actor_id: UUID | None,
    reason: str | None,
    occurred_at: datetime | None = None,
) -> None:
    """End a presence by ``clock_out`` or ``force_clear``."""
    later(change.session, _END, {"presence_id": held.presence_id})
    change.record(kind, [(held, occurred_at or change.now)], actor_id=actor_id, reason=reason)


def force_clear(
    change: Change, found: Sequence[Held], *, actor_id: UUID | None, reason: str
) -> None:
    """End many presences at once, as of now."""
    if found:
        ids = [held.presence_id for held in found]
        change.session.execute(
            delete(Presence).where(Presence.id.in_(ids)), execution_options=_NO_SYNC
        )
        subjects = [(held, change.now) for held in found]
        change.record("force_clear", subjects, actor_id=actor_id, reason=reason)


def renew(change: Change, held: Held) -> None:
    """A heartbeat under the lock: a stale presence is fresh again."""
    values = {"last_heartbeat_at": change.now, "stale_since": None}
    later(change.session, _RENEW, {"presence_id": held.presence_id, **values})
    if held.stale_since is not None:
        change.record("resume", [(held, change.now)], actor_id=held.user_id)


def expire(change: Change, candidates: Iterable[Held]) -> set[UUID]:
    """End the candidates that had no heartbeat for ``expire_after``.

    :returns: the ids of the presences that ended
    """
    lifetime = timedelta(seconds=change.settings.expire_after)
    statement = delete(Presence).where(Presence.last_heartbeat_at <= change.now - lifetime)
    return _run_out(change, "expire", candidates, lifetime, statement)


def mark_stale(change: Change, candidates: Iterable[Held]) -> set[UUID]:
    """Mark the fresh candidates that had no heartbeat for ``stale_after``.

    :returns: the ids of the presences that became stale
    """
    patience = timedelta(seconds=change.stale_after_seconds)
    statement = (
        update(Presence)
        .where(Presence.stale_since.is_(None))
        .where(Presence.last_heartbeat_at <= change.now - patience)
        .values(stale_since=change.now)
    )
    fresh = (held for held in candidates if held.stale_since is None)
    return _run_out(change, "stale", fresh, patience, statement)


def clear_unseen(
    change: Change,
    candidates: Sequence[Held],
    *,
    unseen_since: datetime,
    actor_id: UUID,
    reason: str,
) -> list[Held]:
    """Force-clear the candidates that had no heartbeat since ``unseen_since``.

    :returns: those that ended
    """
    statement = delete(Presence).where(Presence.last_heartbeat_at <= unseen_since)
    cleared = _that_still_are(change, candidates, statement)
    if cleared:
        subjects = [(held, change.now) for held in cleared]
        change.record("force_clear", subjects, actor_id=actor_id, reason=reason)
    return cleared


def _run_out(
    change: Change, kind: str, candidates: Iterable[Held], time: timedelta, statement: Any
) -> set[UUID]:
    due = [held for held in candidates if held.last_heartbeat_at + time <= change.now]
    done = _that_still_are(change, due, statement)
    if done:
        change.record(kind, [(held, held.last_heartbeat_at + time) for held in done])
    return {held.presence_id for held in done}


def _that_still_are(change: Change, due: Sequence[Held], statement: Any) -> list[Held]:
    """Those of ``due`` on which ``statement`` took effect.

    The statement checks again: a heartbeat takes no org lock, so it may have come since the read.
    """
    if not due:
        return []
    done = set(
        change.session.scalars(
            statement.where(Presence.id.in_([held.presence_id for held in due])).returning(
                Presence.id
            ),
            execution_options=_NO_SYNC,
        )
    )
    return [held for held in due if held.presence_id in done]
