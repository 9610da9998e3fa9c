"""The id of Flask's current request."""

from typing import TYPE_CHECKING

from flask import request

from wire.request_ids import HEADER, own_or_new

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_GIVEN = "HTTP_" + HEADER.upper().replace("-", "_")
_CHOSEN = "presence.request_id"


def choose(environ: "WSGIEnvironment") -> str:
    """The id that the client gave, or a new one, for all of the request."""
    environ[_CHOSEN] = chosen = own_or_new(environ.get(_GIVEN))
    return chosen


def current() -> str:
    """The one that was chosen."""
    chosen: str = request.environ[_CHOSEN]
    return chosen
