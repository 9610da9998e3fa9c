"""Pages of what is kept: the history, and the audit log; the newest first.

A page goes on after the last entry of the one before, by the time of the event, which the indexes
have. A cursor also knows the newest entry there was at the first page: what arrives later, however
late, is on no later page, so the pages together are the history of that moment. It names both by
their ids: ``seq`` counts all orgs' events, and is nobody's to know.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import AuditEvent, ClockEvent, IdText, TimeText
from models.base import UTCDateTime
from services.errors import ValidationFailed
from wire import tables

NO_CURSOR = "Send the next of the previous page, unchanged."

_CURSOR = re.compile(r"[0-9a-f]{64}")


class Cursor(NamedTuple):
    """Where a page ends.

    :ivar newest: the entry that was the newest at the first page
    :ivar last: the page's last entry
    """

    newest: UUID
    last: UUID

    def __str__(self) -> str:
        return self.newest.hex + self.last.hex

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """:raises ValueError: it is none of ours"""
        if not _CURSOR.fullmatch(text):
            raise ValueError("no cursor")
        return cls(UUID(text[:32]), UUID(text[32:]))


@dataclass(frozen=True, slots=True)
class Log:
    """:ivar columns: of an entry on the wire, in their order"""

    name: str
    table: type[ClockEvent] | type[AuditEvent]
    columns: Sequence[str]


CLOCK_EVENTS = Log(
    "clock_events",
    ClockEvent,
    (
        "id",
        "kind",
        "account_id",
        "account_name",
        "user_id",
        "display_name",
        "presence_id",
        "actor_id",
        "reason",
        "occurred_at",
        "received_at",
        "version",
        "from_account_id",
        "from_presence_id",
    ),
)
AUDIT_EVENTS = Log(
    "audit_events",
    AuditEvent,
    (
        "id",
        "kind",
        "account_id",
        "account_name",
        "user_id",
        "display_name",
        "actor_id",
        "actor_name",
        "details",
        "address",
        "occurred_at",
    ),
)


@dataclass(frozen=True, slots=True)
class Page:
    """:ivar next: the cursor of the next page; None on the last"""

    log: Log
    entries: Sequence[dict[str, Any]]
    next: str | None

    def as_json(self) -> bytes:
        body = {self.log.name: self.entries, "next": self.next}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    def as_csv(self) -> bytes:
        rows = [[_cell(value) for value in entry.values()] for entry in self.entries]
        return tables.csv_text(self.log.columns, rows).encode()


def load(
    session: Session,
    log: Log,
    org_id: UUID,
    *,
    limit: int,
    cursor: Cursor | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
    **equal: Any,
) -> Page:
    """The page after ``cursor``, or the first.

    :param from_: entries that occurred then or later
    :param to: entries that occurred before
    :param equal: columns, and what they have to be
    :raises ValidationFailed: the cursor is not this log's
    """
    table = log.table
    conditions = [table.org_id == org_id]
    conditions += [getattr(table, name) == value for name, value in equal.items()]
    if from_ is not None:
        conditions.append(table.occurred_at >= from_)
    if to is not None:
        conditions.append(table.occurred_at < to)
    if cursor is not None:
        conditions += _after(session, table, org_id, cursor)
    query = (
        select(*(_on_the_wire(getattr(table, name)) for name in log.columns))
        .where(*conditions)
        .order_by(table.occurred_at.desc(), table.seq.desc())
        .limit(limit + 1)
    )
    rows = session.execute(query).mappings().all()
    shown = rows[:limit]
    following = None
    if len(rows) > limit:
        newest = cursor.newest if cursor else _newest(session, table, org_id)
        following = str(Cursor(newest, UUID(shown[-1]["id"])))
    return Page(log, [dict(row) for row in shown], following)


def _on_the_wire(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Uuid):
        return IdText(column).label(column.key)
    if isinstance(column.type, UTCDateTime):
        return TimeText(column).label(column.key)
    return column.expression


def _after(
    session: Session, table: type[ClockEvent] | type[AuditEvent], org_id: UUID, cursor: Cursor
) -> list[ColumnElement[bool]]:
    named = select(table.id, table.seq, table.occurred_at).where(
        table.org_id == org_id, table.id.in_(cursor)
    )
    found = {row.id: row for row in session.execute(named)}
    if not found.keys() >= set(cursor):
        raise ValidationFailed({"cursor": [NO_CURSOR]})
    last = found[cursor.last]
    position = tuple_(last.occurred_at, last.seq, types=[table.occurred_at.type, table.seq.type])
    return [
        tuple_(table.occurred_at, table.seq) < position,
        table.seq <= found[cursor.newest].seq,
    ]


def _newest(session: Session, table: type[ClockEvent] | type[AuditEvent], org_id: UUID) -> UUID:
    query = select(table.id).where(table.org_id == org_id).order_by(table.seq.desc()).limit(1)
    return session.scalars(query).one()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
