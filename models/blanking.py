"""Blanking who it was in rows that outlive a person, as the marks of ``models/personal.py`` say.

The service may only add to the history and to the audit log, so the tables' owner blanks them.
"""

import json
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Table,
    Update,
    Uuid,
    case,
    literal,
    literal_column,
    update,
)

from models.base import Base
from models.owners_statement import Given, OwnersStatement
from models.personal import Personal, mark_of


def _blanking(table: Table, whose: str) -> OwnersStatement:
    """:param whose: the column that holds the person's user id"""

    def build(given: Given) -> Update:
        blanked = {
            column: _blanked(table, column, mark)
            for column, mark in _marks(table).items()
            if whose in mark.of
        }
        is_theirs = table.c.org_id == given.one("org"), table.c[whose] == given.one("person")
        return update(table).where(*is_theirs).values(blanked)

    takes = {"org": Uuid(), "person": Uuid()}
    return OwnersStatement(f"blank_{table.name}_{whose}", takes, build, crosses_orgs=False)


def _marks(table: Table) -> dict[Column[Any], Personal]:
    return {column: mark for column in table.c if (mark := mark_of(column.info)) is not None}


def _blanked(table: Table, column: Column[Any], mark: Personal) -> ColumnElement[Any]:
    becomes: ColumnElement[Any] = literal(mark.becomes, column.type)
    if isinstance(column.type, JSON):  # SQLAlchemy writes no JSON into a function's body
        becomes = literal_column(f"'{json.dumps(mark.becomes)}'", column.type)
    if mark.kinds is None:
        return becomes
    return case((table.c.kind.in_(mark.kinds), becomes), else_=column)


BLANKINGS = tuple(
    _blanking(table, whose)
    for table in Base.metadata.sorted_tables
    for whose in sorted({name for mark in _marks(table).values() for name in mark.of})
)
