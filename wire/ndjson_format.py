"""NDJSON: a JSON text a line, for log shippers."""

from collections.abc import Iterator
from uuid import UUID

from models.views import View
from wire.body import Body
from wire.format import Format
from wire.json import compact_json
from wire.listings import Listing, Row
from wire.rendered import Rendered, Viewer

_NOT_CLOCKED_IN = dict.fromkeys(("account_id", "account_name", "presence_id", "clocked_in_at"))


def _snapshot(rendered: Rendered, viewer: Viewer) -> Body:
    """A line for each entry, then always one for ``me``; each with the versions, as in CSV."""
    rows = rendered.beginning(NDJSON.name, viewer.view, viewer.bound_account_id, _rows)
    mine = {"row": "me", **(rendered.me(viewer) or _NOT_CLOCKED_IN)}
    return Body(rows, _line(mine | rendered.versions(viewer.view)))


def _rows(rendered: Rendered, view: View, bound: UUID | None) -> bytes:
    versions = rendered.versions(view)
    return b"".join(
        _line({"row": "presence", **row, **versions}) for row in rendered.entries(view, bound)
    )


def _listing(listing: Listing) -> Iterator[bytes]:
    return map(_line, listing.rows)


def _line(row: Row) -> bytes:
    return compact_json(row) + b"\n"


NDJSON = Format("ndjson", "application/x-ndjson", _snapshot, _listing)
