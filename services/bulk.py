"""Statements for thousands of rows at once."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute

from models import Base
from services.change import Change

FEW = 100  # rows that are cheaper to name than to read with all others

Rows = Sequence[dict[str, Any]]


def of_org(
    change: Change, key: InstrumentedAttribute[UUID], ids: Collection[UUID] | None
) -> tuple[ColumnElement[bool], ...]:
    """The condition on the org's rows with these keys; it may let others through too.

    :param ids: None for all
    """
    is_of_org = key.class_.org_id == change.org.id
    return (is_of_org,) if ids is None or len(ids) > FEW else (is_of_org, key.in_(ids))


def whole_rows(
    change: Change, key: InstrumentedAttribute[UUID], ids: Collection[UUID]
) -> list[dict[str, Any]]:
    """The org's rows with these keys, for :func:`update`."""
    if not ids:
        return []
    query = select(key.class_.__table__).where(*of_org(change, key, ids))
    rows = (dict(row._mapping) for row in change.session.execute(query))
    return [row for row in rows if row[key.key] in ids]


def insert_unless_taken(change: Change, model: type[Base], rows: Rows) -> set[UUID]:
    """Insert rows.

    :returns: the ids of those that were inserted; the others are taken, also where nobody sees it
    """
    if not rows:
        return set()
    table = model.__table__
    statement = _insert(change, model).on_conflict_do_nothing().returning(table.c.id)
    return set(change.session.scalars(statement, _in_order(rows)))


def insert_or_lock(change: Change, model: type[Base], rows: Rows) -> None:
    """Insert rows; those that are there stay as they are, and can't be deleted meanwhile."""
    if rows:
        as_it_is = {"id": model.__table__.c.id}
        statement = _insert(change, model).on_conflict_do_update(
            index_elements=["id"], set_=as_it_is
        )
        change.session.execute(statement, _in_order(rows))


def update(change: Change, model: type[Base], rows: Rows, columns: Iterable[str]) -> None:
    """Change these columns of rows that are there; each row is complete."""
    if rows:
        insert = _insert(change, model)
        statement = insert.on_conflict_do_update(
            index_elements=["id"], set_={name: insert.excluded[name] for name in columns}
        )
        change.session.execute(statement, _in_order(rows))


def _in_order(rows: Rows) -> list[dict[str, Any]]:
    """By id: two orgs that name the same rows would otherwise deadlock."""
    return sorted(rows, key=lambda row: row["id"])


def _insert(change: Change, model: type[Base]) -> Any:
    is_sqlite = change.session.get_bind().dialect.name == "sqlite"
    return (sqlite if is_sqlite else postgresql).insert(model.__table__)
