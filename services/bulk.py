"""Statements for thousands of rows at once."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from models import Base
from services.change import Change

FEW = 100  # rows that are cheaper to name than to read with all others

Rows = Sequence[dict[str, Any]]


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
