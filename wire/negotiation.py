"""Content negotiation: the format that an ``Accept`` asks for."""

from functools import lru_cache

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from wire.format import Format
from wire.formats import FORMATS
from wire.header_lists import is_read
from wire.json_format import JSON

_OFFERED = [*FORMATS, *(f"{media_type}; charset=utf-8" for media_type in FORMATS)]


def accepted(accept: str | None) -> Format:
    """The format to answer in: JSON where nothing on offer is accepted."""
    return _accepted(accept) if accept and is_read(accept) else JSON


@lru_cache(maxsize=256)
def _accepted(accept: str) -> Format:
    best = parse_accept_header(accept, MIMEAccept).best_match(_OFFERED) or JSON.media_type
    return FORMATS[best.partition(";")[0]]
