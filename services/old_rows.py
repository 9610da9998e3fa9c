"""Deleting old rows a few at a time, so that no writer waits long for it."""

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

    :param old: which may go; asked again of a row that somebody else has just changed
    :param by: what tells their age, and has an index
    :param most: how many may go in this transaction
    :returns: how many went
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    # By their place, not by their key: for that PostgreSQL may read the whole table.
    place: ColumnElement[Any] = literal_column("rowid" if is_sqlite else "ctid")
    few = select(place).select_from(table).where(old).order_by(by).limit(most)
    chosen = place.in_(few) if is_sqlite else place == func.any(func.array(few.scalar_subquery()))
    found = session.execute(
        delete(table).where(chosen, old), execution_options={"synchronize_session": False}
    )
    return cast("CursorResult[None]", found).rowcount
