"""Lists, and single things of them, in the format that a request's Accept asks for."""

from typing import Any

from flask import Response, request

from wire.listings import Listing, Shape
from wire.negotiation import accepted
from wire.pagination import link_to_next
from wire.pieces import whole_or_in_pieces


def response(shape: Shape, result: Any) -> Response:
    """The result of a view."""
    format_, listing = accepted(request.headers.get("Accept")), Listing(shape, result)
    body = whole_or_in_pieces(format_.listing(listing))
    answer = Response(body, mimetype=format_.media_type)
    if listing.next is not None:
        answer.headers["Link"] = link_to_next(request.path, request.args, listing.next)
    return answer
