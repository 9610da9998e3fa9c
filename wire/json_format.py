"""JSON: what clients read unless they ask for another format."""

from wire.format import Format
from wire.json import compact_json
from wire.listings import Listing
from wire.rendered import Rendered


def _listing(listing: Listing) -> tuple[bytes]:
    return (compact_json(listing.body),)


JSON = Format("json", "application/json", Rendered.json, _listing)
