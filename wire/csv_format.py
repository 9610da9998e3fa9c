"""CSV: for spreadsheets."""

from collections.abc import Iterator

from wire import tables
from wire.body import Beginning, Body
from wire.format import Format
from wire.listings import Listing, cell
from wire.rendered import Rendered, Viewer, columns_of

_OF_ME = ("account_id", "account_name", "presence_id", "clocked_in_at")


def _snapshot(rendered: Rendered, viewer: Viewer) -> Body:
    """A row for each entry, then always one for ``me``; each with the versions."""
    versions = rendered.versions(viewer.view)
    columns = list(dict.fromkeys(("row", *columns_of(viewer.view), *_OF_ME, *versions)))
    rows = [{"row": "presence", **row} for row in rendered.entries(viewer)]
    rows.append({"row": "me", **(rendered.me(viewer) or {})})
    cells = [[cell((row | versions).get(column)) for column in columns] for row in rows]
    return Body(Beginning("".join(tables.csv_lines(columns, cells)).encode()))


def _listing(listing: Listing) -> Iterator[bytes]:
    return map(str.encode, tables.csv_lines(listing.columns, listing.cells(listing.columns)))


CSV = Format("csv", "text/csv", _snapshot, _listing)
