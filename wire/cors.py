"""CORS: what pages of other origins may send and read (contract.md, "Browsers elsewhere")."""

from collections.abc import Iterator

from werkzeug.datastructures import Headers

from settings import Settings

EXPOSED_HEADERS = (
    "ETag, Link, X-Poll-Interval, Retry-After, Date, Preference-Applied, Presence-Version, "
    "Request-Id"
)
REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, Presence-Min-Version, "
    "Presence-Org, Request-Id"
)
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
MAX_AGE_SECONDS = "7200"


def is_listed(origin: str | None, settings: Settings) -> bool:
    """Whether the operator lets pages of ``origin`` call."""
    return origin in settings.cors_origins


def exposing(origin: str | None) -> Iterator[tuple[str, str]]:
    """What lets a page of ``origin`` read the answer."""
    yield "Access-Control-Allow-Origin", origin or ""
    yield "Access-Control-Expose-Headers", EXPOSED_HEADERS


def allow(headers: Headers) -> None:
    """Answer a preflight: what a page may send."""
    headers["Access-Control-Allow-Methods"] = METHODS
    headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
    headers["Access-Control-Max-Age"] = MAX_AGE_SECONDS
