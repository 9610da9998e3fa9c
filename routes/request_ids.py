"""The id of Flask's current request."""

from flask import g, request

from wire.request_ids import HEADER, own_or_new


def current() -> str:
    """The id that the client gave, or a new one; the same each time within the request."""
    if "request_id" not in g:
        g.request_id = own_or_new(request.headers.get(HEADER))
    found: str = g.request_id
    return found
