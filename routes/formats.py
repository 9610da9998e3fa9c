"""What admins manage, as their Accept wishes it: JSON, text for a terminal, or CSV."""

import json
from collections.abc import Sequence
from typing import Any

from flask import Response, request

from wire import tables
from wire.negotiation import accepted


def as_wished(result: Any, columns: Sequence[str], rows: str | None) -> Any:
    """A view's result for JSON, or the text that the client wishes instead.

    :param columns: of a row
    :param rows: the field of the body that has the rows; None where the body is the only one
    """
    media_type = accepted(request.headers.get("Accept"))
    if media_type == "application/json":
        return result
    body, *status_and_headers = result if isinstance(result, tuple) else (result, None)
    found = [body] if rows is None else body[rows]
    if media_type == "text/csv":
        text = tables.csv_text(columns, _cells(found, columns))
    elif rows is None:
        text = "".join(f"{column}: {_cell(body[column])}\n" for column in columns)
    else:
        # Names first, ids last, as in the snapshot.
        names_first = sorted(columns, key=lambda column: column.endswith("id"))
        text = tables.aligned(names_first, _cells(found, names_first))
    return (Response(text, mimetype=media_type), *status_and_headers)


def _cells(found: Sequence[dict[str, Any]], columns: Sequence[str]) -> list[list[str]]:
    return [[_cell(row[column]) for column in columns] for row in found]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
