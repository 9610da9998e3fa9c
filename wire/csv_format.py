"""CSV: for spreadsheets."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from uuid import UUID

from models.views import View
from wire import tables
from wire.body import Body
from wire.format import Format
from wire.listings import Listing, cell
from wire.rendered import Rendered, Row, Viewer, columns_of

_OF_ME = ("account_id", "account_name", "presence_id", "clocked_in_at")


def _snapshot(rendered: Rendered, viewer: Viewer) -> Body:
    """A row for each entry, then always one for ``me``; each with the versions."""
    table = rendered.beginning(CSV.name, viewer.view, viewer.bound_account_id, _table)
    mine = {"row": "me", **(rendered.me(viewer) or {})}
    return Body(table, _lines(rendered, viewer.view, (mine,)))


def _table(rendered: Rendered, view: View, bound: UUID | None) -> bytes:
    header = tables.csv_line(_columns(rendered, view)).encode()
    rows = ({"row": "presence", **row} for row in rendered.entries(view, bound))
    return header + _lines(rendered, view, rows)


def _lines(rendered: Rendered, view: View, rows: Iterable[Row]) -> bytes:
    columns, versions = _columns(rendered, view), rendered.versions(view)
    cells = ([cell((row | versions).get(column)) for column in columns] for row in rows)
    return "".join(map(tables.csv_line, cells)).encode()


def _columns(rendered: Rendered, view: View) -> Sequence[str]:
    names = ("row", *columns_of(view), *_OF_ME, *rendered.versions(view))
    return list(dict.fromkeys(names))


def _listing(listing: Listing) -> Iterator[bytes]:
    rows = chain((listing.columns,), listing.cells(listing.columns))
    return (tables.csv_line(row).encode() for row in rows)


CSV = Format("csv", "text/csv", _snapshot, _listing)
