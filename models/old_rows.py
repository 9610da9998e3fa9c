"""Deleting old rows, a few at a time, so that no writer waits long."""

from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.dml import UpdateBase

from models.base import Written


class _Place(Written):
    """Where a row is. With keys PostgreSQL may read the whole table to find a few rows."""

    inherit_cache = True
    template = "ctid"
    sqlite = "rowid"


class _IsAtOneOf(Written):
    """Whether a row is at one of the places that a query finds."""

    inherit_cache = True
    template = "ctid = ANY (ARRAY{0})"
    sqlite = "rowid IN {0}"


def oldest(
    by: InstrumentedAttribute[Any], before: ColumnElement[Any], *, most: ColumnElement[int]
) -> UpdateBase:
    """Delete the oldest rows of a table; each that was deleted gives a row of the answer.

    :param by: the indexed column that says how old a row is
    :param before: those before are old; checked again for a row that has just been changed
    :param most: how many to delete in this transaction
    """
    table, old = by.class_, by < before
    few = select(_Place()).select_from(table).where(old).order_by(by).limit(most)
    return delete(table).where(_IsAtOneOf(few.scalar_subquery()), old).returning(by)
