"""Content codings: whether a client accepts gzip (RFC 9110, 12.5.3)."""

import re
from functools import lru_cache

from wire.header_lists import is_read

_ELEMENT = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether to compress: the client accepts gzip, and does not like better what is as it is."""
    if not accept_encoding or not is_read(accept_encoding):
        return False
    return _accepts_gzip(accept_encoding)


@lru_cache(maxsize=256)
def _accepts_gzip(accept_encoding: str) -> bool:
    weights = _weights(accept_encoding)
    gzip = weights.get("gzip", weights.get("*", 0.0))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _weights(accept_encoding: str) -> dict[str, float]:
    """The weight of each coding that is named; none where the field is invalid."""
    weights: dict[str, float] = {}
    for element in accept_encoding.split(","):
        text = element.strip(" \t")
        found = _ELEMENT.fullmatch(text)
        if found is not None:
            name, weight = found[1].lower(), float(found[2] or 1)
            name = "gzip" if name == "x-gzip" else name  # RFC 9110, 8.4.1.3
            weights[name] = min(weight, weights.get(name, weight))
        elif text:
            return {}
    return weights
