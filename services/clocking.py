"""Clocking in and out, heartbeats, and force-clearing: the rules of contract.md."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Unpack
from uuid import UUID

from models import ClockEvent
from services import accounts, clock_state, idempotency, past_presences, presences
from services.callers import Caller
from services.change import Change
from services.clock_state import Asked, ClockState, OpenAccount
from services.errors import (
    AccountNotFound,
    AccountOccupied,
    AccountRequired,
    NotOccupied,
    PresenceEnded,
)
from services.presences import Held, Said
from services.times import clamp

LONGEST_QUEUED = timedelta(hours=24)  # contract.md, "Idempotency and time": clock-in


@dataclass(frozen=True, slots=True)
class ClockedIn:
    """What a clock-in did.

    :ivar is_new: False where the member was already on the account
    """

    held: Held
    is_new: bool
    released_account_id: UUID | None


class ClockedOut(NamedTuple):
    """What a clock-out did.

    :ivar cleared: False where the member was on no account
    """

    cleared: bool
    account_id: UUID | None


def clock_in(
    change: Change,
    caller: Caller,
    *,
    account_id: UUID | None = None,
    key: str | None = None,
    **said: Unpack[Said],
) -> ClockedIn:
    """Put the caller on an account, leaving any other.

    :param account_id: may be left out where the caller's code was bound to one
    :param key: the Idempotency-Key
    :raises AccountOccupied: another member holds it
    :raises PresenceEnded: the key's presence has ended since
    """
    asked = {"account_id": account_id, "occurred_at": None, **said}
    digest = idempotency.digest("clock-in", asked)
    account_id = _allowed(change, caller, account_id)
    remembered = idempotency.recall(caller, digest)
    if remembered is not None:
        return _as_first_answered(
            change, caller, remembered, _state(change, caller, account_id, said.get("occurred_at"))
        )
    state = _state(change, caller, account_id, said.get("occurred_at"))
    account = _found(state.account)
    found = presences.alive(change, state.found)
    own = next((held for held in found if held.user_id == caller.member.user_id), None)
    holder = next((held for held in found if held.account_id == account.id), None)
    if own is not None and own is holder:
        presences.renew(change, own)
        answer = ClockedIn(own, is_new=False, released_account_id=None)
    elif holder is not None:
        raise AccountOccupied(_seen_by(caller, holder))
    else:
        said["occurred_at"] = _started_at(change, state, own, said.get("occurred_at"))
        new = presences.put(change, caller.member, account, own, **said)
        left = own.account_id if own else None
        answer = ClockedIn(new, is_new=True, released_account_id=left)
    idempotency.remember(change, caller, key, digest, _to_remember(answer))
    return answer


def clock_out(
    change: Change,
    caller: Caller,
    *,
    presence_id: UUID | None = None,
    reason: Literal["user", "inactivity", "shutdown"] = "user",
    occurred_at: datetime | None = None,
    key: str | None = None,
) -> ClockedOut:
    """End the caller's presence.

    :param presence_id: end it only if it is still this one
    :param occurred_at: when it happened, for the history, if it was queued
    :param key: the Idempotency-Key
    :raises PresenceEnded: ``presence_id`` is not the caller's current one
    :raises AccountNotAllowed: the caller's code was bound to another account
    """
    digest = idempotency.digest(
        "clock-out", {"presence_id": presence_id, "reason": reason, "occurred_at": occurred_at}
    )
    remembered = idempotency.recall(caller, digest)
    if remembered is not None:
        account_id = remembered["account_id"]
        return ClockedOut(remembered["cleared"], UUID(account_id) if account_id else None)
    state = _state(change, caller, None, occurred_at)
    held = presences.if_alive(change, state.own)
    if presence_id is not None and (held is None or held.presence_id != presence_id):
        ending = _ending(change, caller, presence_id)
        if ending is not None:
            _keep_if_late(change, caller, ending, reason, occurred_at)
        raise PresenceEnded(past_presences.reason_of(ending))
    if held is not None:
        caller.require_account(held.account_id)
        presences.end(
            change,
            held,
            "clock_out",
            actor_id=caller.member.user_id,
            reason=reason,
            occurred_at=clamp(occurred_at, state.started_at or held.clocked_in_at, change.now),
        )
    answer = ClockedOut(held is not None, held.account_id if held else None)
    stored = {"cleared": answer.cleared, "account_id": str(held.account_id) if held else None}
    idempotency.remember(change, caller, key, digest, stored)
    return answer


def revive(change: Change, caller: Caller, presence_id: UUID) -> None:
    """A heartbeat of a presence that may be stale, or gone: where ``heartbeats.beat()`` failed.

    :raises PresenceEnded: it is not the caller's current one
    :raises AccountNotAllowed: the caller's code was bound to another account
    """
    held = presences.if_alive(change, _state(change, caller).own)
    if held is None or held.presence_id != presence_id:
        raise _ended(change, caller, presence_id)
    caller.require_account(held.account_id)
    presences.renew(change, held)


def force_clear(
    change: Change,
    caller: Caller,
    account_id: UUID,
    *,
    presence_id: UUID | None = None,
    reason: str | None = None,
) -> None:
    """End the presence on an account, as an admin.

    :param presence_id: end it only if it is still this one
    :param reason: why, for the history
    :raises NotOccupied: nobody is on it
    :raises PresenceEnded: ``presence_id`` is not the one on it
    """
    caller.require_admin()
    state = _state(change, caller, account_id)
    account = _found(state.account)
    holder = presences.if_alive(change, state.holder)
    if presence_id is not None and (holder is None or holder.presence_id != presence_id):
        ending = past_presences.ending_of(
            change.session, change.org.id, presence_id, account_id=account.id
        )
        raise PresenceEnded(past_presences.reason_of(ending))
    if holder is None:
        raise NotOccupied
    presences.end(change, holder, "force_clear", actor_id=caller.member.user_id, reason=reason)


def _allowed(change: Change, caller: Caller, account_id: UUID | None) -> UUID:
    wanted = account_id or caller.bound_account_id
    if wanted is None:
        raise AccountRequired(accounts.list_accounts(change.session, change.org.id))
    caller.require_account(wanted)
    return wanted


def _to_remember(answer: ClockedIn) -> dict[str, Any]:
    released = answer.released_account_id
    return {
        # As releases before this one, which may run beside it, read and write it.
        "status": 201 if answer.is_new else 200,
        "presence_id": str(answer.held.presence_id),
        "released_account_id": str(released) if released else None,
    }


def _as_first_answered(
    change: Change, caller: Caller, remembered: dict[str, Any], state: ClockState
) -> ClockedIn:
    presence_id = UUID(remembered["presence_id"])
    held = presences.if_alive(change, state.own)
    if held is None or held.presence_id != presence_id:
        raise _ended(change, caller, presence_id)
    # Two sessions of one member, each for its own account, can send the same key and body.
    caller.require_account(held.account_id)
    released = remembered["released_account_id"]
    return ClockedIn(
        held,
        is_new=remembered["status"] == 201,
        released_account_id=UUID(released) if released else None,
    )


def _state(
    change: Change,
    caller: Caller,
    account_id: UUID | None = None,
    occurred_at: datetime | None = None,
) -> ClockState:
    """What the event is decided by: as it came with the caller, or read now."""
    asked, state = Asked(account_id, occurred_at is not None), caller.at_clock
    if state is None or not state.asked.includes(asked):
        state = clock_state.of_member(change, caller.member, asked)
    return state


def _found(account: OpenAccount | None) -> OpenAccount:
    if account is None:
        raise AccountNotFound
    return account


def _started_at(
    change: Change, state: ClockState, own: Held | None, occurred_at: datetime | None
) -> datetime:
    if occurred_at is None:
        return change.now
    previous = state.previous_at
    if state.own is not None and own is None:  # it has just expired
        previous = past_presences.last_event_at(change.session, change.org.id, state.own.user_id)
    earliest = change.now - LONGEST_QUEUED
    return clamp(occurred_at, max(previous or earliest, earliest), change.now)


def _seen_by(caller: Caller, holder: Held) -> Held | None:
    return holder if caller.view.shows_people else None


def _ending(change: Change, caller: Caller, presence_id: UUID) -> ClockEvent | None:
    return past_presences.ending_of(
        change.session, change.org.id, presence_id, user_id=caller.member.user_id
    )


def _ended(change: Change, caller: Caller, presence_id: UUID) -> PresenceEnded:
    return PresenceEnded(past_presences.reason_of(_ending(change, caller, presence_id)))


def _keep_if_late(
    change: Change, caller: Caller, ending: ClockEvent, reason: str, occurred_at: datetime | None
) -> None:
    """Keep the clock-out of the caller's own expired presence in the history, once.

    Not one on an account that the caller may not clock out of.
    """
    if ending.kind != "expire" or not caller.may_act_on(ending.account_id):
        return
    if past_presences.has_clock_out(change.session, change.org.id, ending.presence_id):
        return
    at = clamp(occurred_at, ending.last_heartbeat_at, ending.occurred_at)
    actor_id = caller.member.user_id
    change.record("clock_out", [(ending, at)], visible=False, actor_id=actor_id, reason=reason)
