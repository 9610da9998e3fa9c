"""The formats that answers come in: a media type each, and how lists are written in it."""

from collections.abc import Callable
from dataclasses import dataclass

from wire import tables
from wire.json import compact_json
from wire.listings import Listing


@dataclass(frozen=True, slots=True)
class Format:
    """:ivar name: in tags"""

    name: str
    media_type: str
    listing: Callable[[Listing], bytes]


def _json(listing: Listing) -> bytes:
    return compact_json(listing.body)


def _text(listing: Listing) -> bytes:
    """A table, or a line for each field of a single thing."""
    if listing.is_single:
        (cells,) = listing.cells(listing.columns)
        lines = zip(listing.columns, cells, strict=True)
        return "".join(f"{column}: {cell}\n" for column, cell in lines).encode()
    # Names first, ids last, as in the snapshot.
    columns = sorted(listing.columns, key=lambda column: column.endswith("id"))
    return tables.aligned(columns, listing.cells(columns)).encode()


def _csv(listing: Listing) -> bytes:
    return tables.csv_text(listing.columns, listing.cells(listing.columns)).encode()


JSON = Format("json", "application/json", _json)
FORMATS = {
    each.media_type: each
    for each in (JSON, Format("text", "text/plain", _text), Format("csv", "text/csv", _csv))
}
