"""Deleting old rows, a few at a time, so that no writer waits long."""

from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import Base


def delete_oldest(
    session: Session,
    table: type[Base],
    old: ColumnElement[bool],
    *,
    by: InstrumentedAttribute[Any],
    most: int,
) -> int:
    """Delete the oldest rows.

    :param old: which rows are old; checked again for a row that has just been changed
    :param by: the indexed column that says how old a row is
    :param most: how many to delete in this transaction
    :returns: how many were deleted
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    # By place, not by key: with keys PostgreSQL may read the whole table.
    place: ColumnElement[Any] = literal_column("rowid" if is_sqlite else "ctid")
    few = select(place).select_from(table).where(old).order_by(by).limit(most)
    chosen = place.in_(few) if is_sqlite else place == func.any(func.array(few.scalar_subquery()))
    found = session.execute(
        delete(table).where(chosen, old), execution_options={"synchronize_session": False}
    )
    return cast("CursorResult[None]", found).rowcount
