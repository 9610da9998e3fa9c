"""The hours of an org: working time from the history, and its report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.orm import Session, aliased

from models import Account, ClockEvent, IdText, Membership, Presence, UnixSeconds
from models.personal import ERASED
from services.working_time import Key, Worked, seconds_of, summed, within

STARTS = ("clock_in", "switch")
ENDS = ("clock_out", "force_clear", "expire")
COLUMNS = {
    "member": ("user_id", "display_name"),
    "account": ("account_id", "account_name"),
    "day": ("day",),
}

_Start = aliased(ClockEvent, name="start")
_End = aliased(ClockEvent, name="ending")
_Next = aliased(ClockEvent, name="next")


@dataclass(frozen=True, slots=True)
class Report:
    """:ivar by: what the rows are about, of ``GROUPINGS``"""

    by: Sequence[str]
    rows: Sequence[dict[str, Any]]

    @property
    def columns(self) -> list[str]:
        """Those of a row that say what it is about, in the order of ``by``."""
        return [column for name in self.by for column in COLUMNS[name]]

    @property
    def total_seconds(self) -> int:
        return sum(row["seconds"] for row in self.rows)


def report(
    session: Session,
    org_id: UUID,
    *,
    from_: datetime,
    to: datetime,
    by: Sequence[str],
    tz: ZoneInfo,
    expire_after_seconds: int,
    now: datetime,
) -> Report:
    """The org's working time between ``from_`` and ``to``.

    :param by: one or more of ``GROUPINGS``
    :param tz: whose days are meant
    """
    lifetime = timedelta(seconds=expire_after_seconds)
    worked = [
        each
        for condition in _those_that_may_count(org_id, from_, to)
        for each in _worked(session, org_id, condition, lifetime, now)
    ]
    seconds = summed(within(worked, seconds_of(from_), seconds_of(to)), by, tz)
    names = _names(session, org_id)
    rows = [_row(by, key, names) | {"seconds": length} for key, length in seconds.items()]
    return Report(by, sorted(rows, key=lambda row: _in_order(row, by)))


def _those_that_may_count(
    org_id: UUID, from_: datetime, to: datetime
) -> Iterator[ColumnElement[bool]]:
    """The presences that began in the time, and each member's last one before it.

    Nobody has two presences at once, so no earlier one can reach into the time. People who were
    erased can't be told apart, so all their earlier presences are read.
    """
    yield and_(_Start.occurred_at >= from_, _Start.occurred_at < to)
    earlier = aliased(ClockEvent)
    last = (
        select(earlier.seq)
        .where(
            earlier.user_id == Membership.user_id,
            earlier.org_id == Membership.org_id,
            earlier.kind.in_(STARTS),
            earlier.occurred_at < from_,
        )
        .order_by(earlier.occurred_at.desc(), earlier.seq.desc())
        .limit(1)
        .correlate(Membership)
        .scalar_subquery()
    )
    yield _Start.seq.in_(select(last).where(Membership.org_id == org_id))
    yield and_(_Start.user_id.is_(None), _Start.occurred_at < from_)


def _worked(
    session: Session,
    org_id: UUID,
    condition: ColumnElement[bool],
    lifetime: timedelta,
    now: datetime,
) -> list[Worked]:
    # A presence whose end was lost counts to its last known heartbeat.
    open_beaten = func.coalesce(Presence.last_heartbeat_at, _Start.last_heartbeat_at)
    end = case(
        (_End.kind == "expire", _End.last_heartbeat_at),
        (_End.kind.is_not(None), _End.occurred_at),
        (_Next.occurred_at.is_not(None), _Next.occurred_at),
        (open_beaten <= now - lifetime, open_beaten),
        else_=literal(now, _End.occurred_at.type),
    )
    rows = session.execute(
        select(
            _Start.seq,
            IdText(_Start.user_id).label("user_id"),
            IdText(_Start.account_id).label("account_id"),
            UnixSeconds(_Start.occurred_at).label("start"),
            UnixSeconds(end).label("end"),
        )
        .outerjoin(_End, and_(_End.presence_id == _Start.presence_id, _End.kind.in_(ENDS)))
        .outerjoin(_Next, _Next.from_presence_id == _Start.presence_id)
        .outerjoin(Presence, Presence.id == _Start.presence_id)
        .where(_Start.org_id == org_id, _Start.kind.in_(STARTS), condition)
        .order_by(_End.seq)
    )
    # A late clock-out follows the expiry, and is more exact.
    last = {row.seq: row for row in rows}
    return [Worked(row.user_id, row.account_id, row.start, row.end) for row in last.values()]


def _names(session: Session, org_id: UUID) -> dict[str, str]:
    """Of the org's members and accounts, as they are now."""
    members = select(Membership.user_id, Membership.display_name)
    accounts = select(Account.id, Account.name)
    return {
        str(id_): name
        for query in (
            members.where(Membership.org_id == org_id),
            accounts.where(Account.org_id == org_id),
        )
        for id_, name in session.execute(query)
    }


def _row(by: Sequence[str], key: Key, names: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in zip(by, key, strict=True):
        if isinstance(value, date):
            row["day"] = value
        else:
            id_, called = COLUMNS[name]
            row[id_] = value
            row[called] = ERASED if value is None else names[value]
    return row


def _in_order(row: dict[str, Any], by: Sequence[str]) -> list[str]:
    """By the first of ``by``, then the next; by a name before its id."""
    return [str(row[column]).casefold() for name in by for column in reversed(COLUMNS[name])]
