"""Lists, and single things of them, before they have a media type."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from marshmallow import Schema, fields
from marshmallow.utils import get_value

from wire.json import compact_json

Row = Mapping[str, Any]
ROWS_AT_ONCE = 100  # are dumped: fewer than fill a piece of a body (wire/pieces.py)


@dataclass(frozen=True)
class Shape:
    """What JSON, and all other formats, take of a result.

    :ivar schema: of the whole, for JSON
    :ivar rows: the field that has the rows; None where the whole is the only row
    :ivar row: the schema of a row in the other formats
    :ivar columns: names the columns of a result's rows, in their order
    """

    schema: Schema
    rows: str | None
    row: Schema
    columns: Callable[[Any], Sequence[str]]


def shape(
    schema: type[Schema],
    rows: str | None = None,
    *,
    row: type[Schema] | None = None,
    columns: Callable[[Any], Sequence[str]] | None = None,
) -> Shape:
    """A shape, whose rows and columns are those of the schema unless others are given."""
    whole = schema()
    of_row = row() if row is not None else _schema_within(whole, rows)
    return Shape(whole, rows, of_row, columns or (lambda _result: tuple(of_row.fields)))


def _schema_within(whole: Schema, rows: str | None) -> Schema:
    return whole if rows is None else cast("fields.Nested", whole.fields[rows]).schema


class Listing:
    """One result. It is dumped as its format asks for it: all of it for JSON, or its rows."""

    def __init__(self, shape: Shape, result: Any) -> None:
        self._shape = shape
        self._result = result
        self.columns = shape.columns(result)

    @property
    def is_single(self) -> bool:
        """Whether it is one thing, not a list."""
        return self._shape.rows is None

    @cached_property
    def body(self) -> Row:
        """All of it."""
        dumped: Row = self._shape.schema.dump(self._result)
        return dumped

    @property
    def rows(self) -> Iterator[Row]:
        """Its rows, dumped a few at a time as they are asked for."""
        if self._shape.rows is None:
            yield self.body
            return
        rows: Sequence[Any] = get_value(self._result, self._shape.rows)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            yield from self._shape.row.dump(rows[start : start + ROWS_AT_ONCE], many=True)

    @property
    def next(self) -> str | None:
        """The cursor of the next page, if there is one."""
        field = self._shape.schema.fields.get("next")
        return None if field is None else cast("str | None", field.serialize("next", self._result))

    def cells(self, columns: Sequence[str]) -> Iterator[list[str]]:
        """The rows as text."""
        return ([cell(row[column]) for column in columns] for row in self.rows)


def cell(value: Any) -> str:
    """Nothing for null, and JSON for what is not text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else compact_json(value).decode()
