"""Pages of a list: where the next one is (RFC 8288)."""

from collections.abc import Mapping
from urllib.parse import urlencode


def link_to_next(path: str, query: Mapping[str, str], cursor: str) -> str:
    """The ``Link`` to the page after the one that was asked for.

    :param query: what was asked for
    :param cursor: the page's ``next``
    """
    return f'<{path}?{urlencode({**query, "cursor": cursor})}>; rel="next"'
