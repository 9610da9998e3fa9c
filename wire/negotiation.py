"""Content negotiation: which of the media types on offer an ``Accept`` asks for."""

from functools import lru_cache

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from services.snapshot import FORMATS
from wire.header_lists import is_read

JSON = "application/json"


def accepted(accept: str | None, offered: tuple[str, ...] = tuple(FORMATS)) -> str:
    """The media type to answer with: JSON where nothing on offer is accepted."""
    return _accepted(accept, offered) if accept and is_read(accept) else JSON


@lru_cache(maxsize=256)
def _accepted(accept: str, offered: tuple[str, ...]) -> str:
    wishes = parse_accept_header(accept, MIMEAccept)
    with_charset = [f"{media_type}; charset=utf-8" for media_type in offered]
    best = wishes.best_match([*offered, *with_charset]) or JSON
    return best.partition(";")[0]
