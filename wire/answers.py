"""Answers before they are a framework's: Flask and the gate make theirs from the same ones."""

from typing import NamedTuple

from werkzeug.datastructures import Headers
from werkzeug.utils import get_content_type

from settings import Settings
from wire import cors

POLLED_PATH = "/v1/presence"
VARY = "Authorization, Accept, Accept-Encoding, Origin, Prefer, Presence-Org"


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


def complete(headers: Headers, path: str, origin: str | None, settings: Settings) -> None:
    """Add what every answer carries, and under ``/v1`` what browsers elsewhere need."""
    headers["X-Content-Type-Options"] = "nosniff"
    if path.startswith("/v1/"):
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Vary", "Origin")
        if cors.is_listed(origin, settings):
            cors.expose(headers, origin)


def of_body(body: bytes, media_type: str) -> Headers:
    """The headers that describe a body. They come first."""
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
