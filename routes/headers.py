"""Headers of every answer, and the preflight of browsers elsewhere."""

from flask import Flask, Response, request

from routes import request_ids
from routes.errors import Bare
from routes.paths import NOWHERE
from services.callers import Caller
from services.change import Change
from settings import Settings
from wire import answers, cors, security_headers
from wire.request_ids import HEADER


def seen_by(change: Change, caller: Caller) -> dict[str, str]:
    """The version of the caller's view after a change, so that they see what they did."""
    return {"Presence-Version": str(change.version_of(caller.view))}


def _is_under_v1(path: str) -> bool:
    """Whether pages elsewhere may ask for the path, be it there or not: so they can read the 404.

    Other spellings of paths (routes/paths.py) stay 404 to the preflight too.
    """
    return path.startswith("/v1/") and "//" not in path and not path.endswith(NOWHERE)


def register(app: Flask, settings: Settings) -> None:
    """Add the headers of every answer to ``app``."""

    @app.before_request
    def answer_preflight() -> Response | None:
        is_preflight = (
            request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        )
        is_answered = request.routing_exception is None or _is_under_v1(request.path)
        if not (is_preflight and is_answered):
            return None
        response = Bare(status=204)
        if cors.is_listed(request.headers.get("Origin"), settings):
            cors.allow(response.headers)
        return response

    @app.after_request
    def complete(response: Response) -> Response:
        origin = request.headers.get("Origin")
        answers.complete(response.headers, request.path, origin, settings)
        if response.status_code != 304:
            security_headers.add(response.headers)
        if not (response.status_code == 304 and request.path == answers.POLLED_PATH):
            response.headers[HEADER] = request_ids.current()
        return response
