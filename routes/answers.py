"""Answers before they are a framework's: Flask and the gate make theirs from the same ones."""

import json
from functools import lru_cache
from typing import Any, NamedTuple

from werkzeug.datastructures import Headers, MIMEAccept
from werkzeug.http import parse_accept_header
from werkzeug.utils import get_content_type

from services.errors import Refusal, TooMany
from services.header_lists import is_read
from services.snapshot import FORMATS
from settings import Settings

POLLED_PATH = "/v1/presence"
RETRY_AFTER_SECONDS = 2  # one poll later
VARY = "Authorization, Accept, Accept-Encoding, Origin, Prefer, Presence-Org"
INVALID_TOKEN = 'Bearer error="invalid_token"'  # noqa: S105 - RFC 6750, 3.1
# contract.md, "Browsers elsewhere"
CORS_EXPOSED_HEADERS = (
    "ETag, Link, X-Poll-Interval, Retry-After, Date, Preference-Applied, Presence-Version, "
    "Request-Id"
)


class Kind(NamedTuple):
    status: int
    title: str


# contract.md, "Errors"
KINDS = {
    "malformed_request": Kind(400, "Malformed request"),
    "not_authenticated": Kind(401, "Not authenticated"),
    "access_code_rejected": Kind(401, "Access code rejected"),
    "admin_only": Kind(403, "Admins only"),
    "account_not_allowed": Kind(403, "Account not allowed"),
    "not_found": Kind(404, "Not found"),
    "account_not_found": Kind(404, "Account not found"),
    "not_occupied": Kind(404, "Not occupied"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "account_occupied": Kind(409, "Account occupied"),
    "name_taken": Kind(409, "Name taken"),
    "last_admin": Kind(409, "Last admin"),
    "presence_ended": Kind(410, "Presence ended"),
    "too_large": Kind(413, "Too large"),
    "unsupported_media_type": Kind(415, "Unsupported media type"),
    "validation_failed": Kind(422, "Validation failed"),
    "account_required": Kind(422, "Account required"),
    "idempotency_key_reused": Kind(422, "Idempotency key reused"),
    "too_many_attempts": Kind(429, "Too many attempts"),
    "too_many_requests": Kind(429, "Too many requests"),
    "internal_error": Kind(500, "Internal error"),
    "database_unavailable": Kind(503, "Database unavailable"),
}


class Answer(NamedTuple):
    """A status, headers in their order, and a body."""

    status: int
    headers: Headers
    body: bytes


def unchanged(tag: str, settings: Settings) -> Answer:
    """The 304 for a client that has ``tag``."""
    return Answer(304, _of_polled(tag, settings), b"")


def found(tag: str, body: bytes, media_type: str, settings: Settings) -> Answer:
    """The 200 with what ``tag`` stands for."""
    headers = of_body(body, media_type)
    headers.extend(_of_polled(tag, settings))
    return Answer(200, headers, body)


def problem(code: str, detail: str, *, request_id: str, **fields: Any) -> Answer:
    """The answer for an error: ``code`` as in contract.md, and the members it names."""
    status, title = KINDS[code]
    document = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **fields,
        "request_id": request_id,
    }
    body = json.dumps(document).encode()
    headers = of_body(body, "application/problem+json")
    if status == 401:
        is_missing = fields.get("reason", "missing") == "missing"
        headers["WWW-Authenticate"] = "Bearer" if is_missing else INVALID_TOKEN
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Answer(status, headers, body)


def refused(refusal: Refusal, *, request_id: str) -> Answer:
    """The problem that a refusal is."""
    answer = problem(refusal.code, refusal.detail, request_id=request_id, **refusal.fields)
    if isinstance(refusal, TooMany):
        answer.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return answer


def database_unavailable(*, request_id: str) -> Answer:
    """The problem for a database that is away or did not answer in time."""
    detail = "The database can't answer now. Try again shortly."
    return problem("database_unavailable", detail, request_id=request_id)


def internal_error(*, request_id: str) -> Answer:
    """The problem for a fault of ours."""
    detail = "This is a fault of the service. It has been logged."
    return problem("internal_error", detail, request_id=request_id)


def complete(headers: Headers, path: str, origin: str | None, settings: Settings) -> None:
    """Add what every answer carries, and under ``/v1`` what browsers elsewhere need."""
    headers["X-Content-Type-Options"] = "nosniff"
    if path.startswith("/v1/"):
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Vary", "Origin")
        if is_listed(origin, settings):
            headers["Access-Control-Allow-Origin"] = origin or ""
            headers["Access-Control-Expose-Headers"] = CORS_EXPOSED_HEADERS


def is_listed(origin: str | None, settings: Settings) -> bool:
    """Whether the operator lets pages of ``origin`` call."""
    return origin in settings.cors_origins


def accepted(accept: str | None, offered: tuple[str, ...] = tuple(FORMATS)) -> str:
    """The media type to answer with: JSON where the client has no wish that can be met."""
    return _accepted(accept, offered) if accept and is_read(accept) else "application/json"


@lru_cache(maxsize=256)
def _accepted(accept: str, offered: tuple[str, ...]) -> str:
    wishes = parse_accept_header(accept, MIMEAccept)
    with_charset = [f"{media_type}; charset=utf-8" for media_type in offered]
    best = wishes.best_match([*offered, *with_charset]) or "application/json"
    return best.partition(";")[0]


def of_body(body: bytes, media_type: str) -> Headers:
    """The headers that tell of a body, which are the first."""
    return Headers(
        [
            ("Content-Type", get_content_type(media_type, "utf-8")),
            ("Content-Length", str(len(body))),
        ]
    )


def _of_polled(tag: str, settings: Settings) -> Headers:
    return Headers(
        [
            ("ETag", tag),
            ("Cache-Control", "private, no-cache"),
            ("Vary", VARY),
            ("X-Poll-Interval", str(settings.poll_interval)),
        ]
    )
