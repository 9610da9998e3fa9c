"""Headers of every answer, and the preflight of browsers elsewhere."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from routes import request_ids
from routes.errors import Bare
from routes.paths import NOWHERE
from services.callers import Caller
from services.change import Change
from settings import Settings
from wire import answers, cors, security_headers
from wire.request_ids import HEADER

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def seen_by(change: Change, caller: Caller) -> dict[str, str]:
    """The version of the caller's view after a change, so that they see what they did."""
    return {"Presence-Version": str(change.version_of(caller.view))}


def _is_under_v1(path: str) -> bool:
    """Whether pages elsewhere may ask for the path, be it there or not: so they can read the 404.

    Other spellings of paths (routes/paths.py) stay 404 to the preflight too.
    """
    return path.startswith("/v1/") and "//" not in path and not path.endswith(NOWHERE)


def register(app: Flask, settings: Settings) -> None:
    """Answer preflights in ``app``, and let each of its answers have the headers of every one."""
    app.wsgi_app = OfEveryAnswer(app.wsgi_app, settings)  # type: ignore[method-assign]

    @app.before_request
    def answer_preflight() -> Response | None:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        if request.routing_exception is not None and not _is_under_v1(request.path):
            return None
        response = Bare(status=204)
        if cors.is_listed(request.headers.get("Origin"), settings):
            cors.allow(response.headers)
        return response


class OfEveryAnswer:
    """WSGI middleware: a list of headers is extended in a tenth of the time that Flask's takes."""

    def __init__(self, app: "WSGIApplication", settings: Settings) -> None:
        self._app = app
        self._settings = settings

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = "/" + environ.get("PATH_INFO", "").lstrip("/")  # as Werkzeug has it
        origin = environ.get("HTTP_ORIGIN")
        request_id = request_ids.choose(environ)

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            given = {name.lower() for name, _ in headers}
            headers.extend(answers.of_every(path, origin, given, self._settings))
            is_unchanged = status.startswith("304")
            if not is_unchanged:
                headers.extend(security_headers.HEADERS)
            if not (is_unchanged and path == answers.POLLED_PATH):
                headers.append((HEADER, request_id))
            return start_response(status, headers, exc_info)

        return self._app(environ, start)
