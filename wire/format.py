"""What a format is: a media type, and how snapshots and lists are written in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wire.body import Body
from wire.listings import Listing
from wire.rendered import Rendered, Viewer


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """One format.

    :ivar name: in tags
    :ivar snapshot: writes a snapshot for one viewer
    :ivar listing: writes a list, or a single thing, line by line
    """

    name: str
    media_type: str
    snapshot: Callable[[Rendered, Viewer], Body]
    listing: Callable[[Listing], Iterable[bytes]]
