"""Headers that answers share: conditional ones, and those for browsers elsewhere."""

from flask import Flask, Response, request

from settings import Settings

CORS_REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, Presence-Min-Version"
)
CORS_METHODS = "GET, HEAD, POST, PATCH, DELETE"
CORS_EXPOSED_HEADERS = (
    "ETag, X-Poll-Interval, Retry-After, Date, Preference-Applied, Presence-Version"
)
CORS_MAX_AGE_SECONDS = "7200"  # contract.md, "Browsers elsewhere"


def of_polled(tag: str, settings: Settings) -> dict[str, str]:
    """Of what clients poll, 200 and 304 alike."""
    return {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept, Origin",
        "X-Poll-Interval": str(settings.poll_interval),
    }


def of_cors(origin: str | None, settings: Settings) -> dict[str, str]:
    """For a page of ``origin``, where the operator listed it."""
    if origin is None or origin not in settings.cors_origins:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": CORS_EXPOSED_HEADERS,
    }


def register(app: Flask, settings: Settings) -> None:
    """Add the headers of every answer to ``app``."""

    @app.before_request
    def answer_preflight() -> Response | None:
        is_preflight = (
            request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        )
        if request.routing_exception is not None or not is_preflight:
            return None
        response = Response(status=204)
        if of_cors(request.headers.get("Origin"), settings):
            response.headers["Access-Control-Allow-Methods"] = CORS_METHODS
            response.headers["Access-Control-Allow-Headers"] = CORS_REQUEST_HEADERS
            response.headers["Access-Control-Max-Age"] = CORS_MAX_AGE_SECONDS
        return response

    @app.after_request
    def complete(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        if request.path.startswith("/v1/"):
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers.setdefault("Vary", "Origin")
            response.headers.update(of_cors(request.headers.get("Origin"), settings))
        return response
