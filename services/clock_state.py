"""What a clock event is decided by: the org is locked, and then it is read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Result, Row
from sqlalchemy.orm import Session

from models import Membership
from models.clock_state import CLOCK_STATE
from services.change import Change
from services.presences import Held

HELD = tuple(Held.__dataclass_fields__)


class OpenAccount(NamedTuple):
    """An account that is not archived."""

    id: UUID
    name: str


class Asked(NamedTuple):
    """What else than the caller is asked for.

    :ivar account_id: an account, with who is on it
    :ivar is_queued: whether times of the history are needed, for an event that comes late
    """

    account_id: UUID | None = None
    is_queued: bool = False

    def includes(self, other: "Asked") -> bool:
        return other.account_id in (None, self.account_id) and self.is_queued >= other.is_queued


NOTHING_ELSE = Asked()


@dataclass(frozen=True, slots=True)
class ClockState:
    """Presences may have expired.

    :ivar account: the one that was asked for; None where the org has no such account
    :ivar own: the member's presence
    :ivar holder: the presence on ``account``
    :ivar previous_at: when the member's last event occurred
    :ivar started_at: when ``own`` began by the history's time (``occurred_at``)
    """

    asked: Asked
    account: OpenAccount | None
    own: Held | None
    holder: Held | None
    previous_at: datetime | None
    started_at: datetime | None

    @property
    def found(self) -> list[Held]:
        """The presences, each once, by account."""
        found = {held.presence_id: held for held in (self.own, self.holder) if held is not None}
        return sorted(found.values(), key=lambda held: held.account_id)


def of_member(change: Change, member: Membership, asked: Asked) -> ClockState:
    """That of a member whom somebody has read before."""
    return of_row(_state_of(change.session, change.org.id, member.user_id, asked).one(), asked)


def read(
    session: Session,
    org_id: UUID,
    user_id: UUID,
    asked: Asked,
    *,
    key: str | None,
    session_id: UUID | None = None,
    code_id: UUID | None = None,
) -> Row[Any] | None:
    """The member too, in one statement; None where there is no such member.

    :param key: the request's Idempotency-Key
    :param session_id: of the member's, as their token names it
    :param code_id: of the member's, if they entered one
    """
    found = _state_of(session, org_id, user_id, asked, session_id, code_id, key)
    return found.one_or_none()


def of_row(row: Row[Any], asked: Asked) -> ClockState:
    account = None if row.account_id is None else OpenAccount(row.account_id, row.account_name)
    own, holder = _held(row, "own"), _held(row, "holder")
    return ClockState(asked, account, own, holder, row.previous_at, row.started_at)


def part_of(row: Row[Any], prefix: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The columns whose names have this prefix."""
    return {name: getattr(row, f"{prefix}_{name}") for name in names}


def _held(row: Row[Any], prefix: str) -> Held | None:
    values = part_of(row, prefix, HELD)
    return None if values["presence_id"] is None else Held(**values)


def _state_of(
    session: Session,
    org_id: UUID,
    user_id: UUID,
    asked: Asked,
    session_id: UUID | None = None,
    code_id: UUID | None = None,
    key: str | None = None,
) -> Result[Any]:
    return CLOCK_STATE.run(
        session,
        org=org_id,
        member=user_id,
        session_id=session_id,
        code_id=code_id,
        key=key,
        account=asked.account_id,
        is_queued=asked.is_queued,
    )
