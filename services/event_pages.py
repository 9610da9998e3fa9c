"""Pagination of the history and of the audit log, the newest first.

A page continues after the last entry of the previous one, by the time of the event, which is
indexed. A cursor also has the newest entry at the time of the first page. What arrives later is on
no later page, so that all pages together are the history at that time. A cursor names both entries
by id, because ``seq`` would tell how many events all orgs have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Uuid, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import AuditEvent, ClockEvent, IdText, TimeText
from models.base import UTCDateTime
from services.errors import ValidationFailed

NO_CURSOR = "Send the next of the previous page, unchanged."

Table = type[ClockEvent] | type[AuditEvent]


class Cursor(NamedTuple):
    """Where a page ends.

    :ivar newest: the entry that was the newest at the first page
    :ivar last: the page's last entry
    """

    newest: UUID
    last: UUID


@dataclass(frozen=True, slots=True)
class Page:
    """:ivar entries: in the words of the wire
    :ivar next: the cursor of the next page; None on the last
    """

    entries: Sequence[RowMapping]
    next: Cursor | None


def load(
    session: Session,
    table: Table,
    columns: Iterable[str],
    org_id: UUID,
    *,
    limit: int,
    cursor: Cursor | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
    **equal: Any,
) -> Page:
    """The page after ``cursor``, or the first.

    :param columns: of an entry, in their order
    :param from_: entries that occurred then or later
    :param to: entries that occurred before
    :param equal: columns, and what they have to be
    :raises ValidationFailed: the cursor is not this table's
    """
    conditions = [table.org_id == org_id]
    conditions += [getattr(table, name) == value for name, value in equal.items()]
    if from_ is not None:
        conditions.append(table.occurred_at >= from_)
    if to is not None:
        conditions.append(table.occurred_at < to)
    if cursor is not None:
        conditions += _after(session, table, org_id, cursor)
    query = (
        select(*(_on_the_wire(getattr(table, name)) for name in columns))
        .where(*conditions)
        .order_by(table.occurred_at.desc(), table.seq.desc())
        .limit(limit + 1)
    )
    rows = session.execute(query).mappings().all()
    shown = rows[:limit]
    following = None
    if len(rows) > limit:
        newest = cursor.newest if cursor else _newest(session, table, org_id)
        following = Cursor(newest, UUID(shown[-1]["id"]))
    return Page(shown, following)


def _on_the_wire(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Uuid):
        return IdText(column).label(column.key)
    if isinstance(column.type, UTCDateTime):
        return TimeText(column).label(column.key)
    return column.expression


def _after(
    session: Session, table: Table, org_id: UUID, cursor: Cursor
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


def _newest(session: Session, table: Table, org_id: UUID) -> UUID:
    query = select(table.id).where(table.org_id == org_id).order_by(table.seq.desc()).limit(1)
    return session.scalars(query).one()
