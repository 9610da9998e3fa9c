"""Plain text: aligned tables for terminals."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from models.views import View
from wire import tables
from wire.body import Body
from wire.format import Format
from wire.listings import Listing, cell
from wire.rendered import Rendered, Viewer, columns_of


def _snapshot(rendered: Rendered, viewer: Viewer) -> Body:
    """A table, then a line for ``me`` and one for the versions."""
    view = viewer.view
    table = rendered.beginning(TEXT.name, view, viewer.bound_account_id, _table)
    mine = rendered.me(viewer)
    me = (
        "none"
        if mine is None
        else f"id={mine['presence_id']} account_id={mine['account_id']} "
        f"clocked_in_at={mine['clocked_in_at']}"
    )
    now = rendered.versions(view)
    end = (
        f"\nme: {me}\n"
        f"version={now['version']} view={view.name} accounts_version={now['accounts_version']} "
        f"stale_after={now['stale_after']}\n"
    )
    return Body(table, end.encode())


def _table(rendered: Rendered, view: View, bound: UUID | None) -> bytes:
    columns = _names_first(columns_of(view))
    rows = [[cell(row[column]) for column in columns] for row in rendered.entries(view, bound)]
    return "".join(tables.aligned(columns, rows)).encode()


def _listing(listing: Listing) -> Iterator[bytes]:
    """A table, or a line for each field of a single thing."""
    if listing.is_single:
        (cells,) = listing.cells(listing.columns)
        lines = zip(listing.columns, cells, strict=True)
        return (f"{column}: {text}\n".encode() for column, text in lines)
    columns = _names_first(listing.columns)
    return map(str.encode, tables.aligned(columns, listing.cells(columns)))


def _names_first(columns: Sequence[str]) -> list[str]:
    """Names first, ids last: what a person looks for stands where a narrow terminal shows it."""
    return sorted(columns, key=lambda column: column.endswith("id"))


TEXT = Format("text", "text/plain", _snapshot, _listing)
