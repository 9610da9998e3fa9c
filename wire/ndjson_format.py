"""NDJSON: a JSON text a line, for log shippers."""

from collections.abc import Iterable, Iterator

from wire.body import Beginning, Body
from wire.format import Format
from wire.json import compact_json
from wire.listings import Listing, Row
from wire.rendered import Rendered, Viewer

_NOT_CLOCKED_IN = dict.fromkeys(("account_id", "account_name", "presence_id", "clocked_in_at"))


def _snapshot(rendered: Rendered, viewer: Viewer) -> Body:
    """A line for each entry, then always one for ``me``; each with the versions, as in CSV."""
    versions = rendered.versions(viewer.view)
    rows: list[Row] = [{"row": "presence", **row} for row in rendered.entries(viewer)]
    rows.append({"row": "me", **(rendered.me(viewer) or _NOT_CLOCKED_IN)})
    return Body(Beginning(b"".join(_lines({**row, **versions} for row in rows))))


def _listing(listing: Listing) -> Iterator[bytes]:
    return _lines(listing.rows)


def _lines(rows: Iterable[Row]) -> Iterator[bytes]:
    return (compact_json(row) + b"\n" for row in rows)


NDJSON = Format("ndjson", "application/x-ndjson", _snapshot, _listing)
