"""Answers before they are a framework's: Flask and the gate make theirs from the same ones."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from werkzeug.datastructures import Headers
from werkzeug.utils import get_content_type

from settings import Settings
from wire import cors
from wire.body import Body

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


def found(
    tag: str, body: Body, media_type: str, settings: Settings, *, accepts_gzip: bool
) -> Answer:
    """The 200 with what ``tag`` stands for. Its headers are those of the body, then the 304's."""
    headers, sent = content(body, media_type, accepts_gzip=accepts_gzip)
    headers.extend(_of_polled(tag, settings))
    return Answer(200, headers, sent)


def content(body: Body, media_type: str, *, accepts_gzip: bool) -> tuple[Headers, bytes]:
    """A body as it is sent, and the headers that describe it."""
    is_gzip = accepts_gzip and body.is_long
    sent = body.gzip() if is_gzip else body.plain
    return of_body(sent, media_type, is_gzip=is_gzip), sent


def of_every(
    path: str, origin: str | None, given: Collection[str], settings: Settings
) -> Iterator[tuple[str, str]]:
    """What every answer carries, and under ``/v1`` what browsers elsewhere need.

    :param given: the names of the headers that the answer has already, in lower case
    """
    yield "X-Content-Type-Options", "nosniff"
    if path.startswith("/v1/"):
        if "cache-control" not in given:
            yield "Cache-Control", "no-store"
        if "vary" not in given:
            yield "Vary", "Origin"
        if cors.is_listed(origin, settings):
            yield from cors.exposing(origin)


def complete(headers: Headers, path: str, origin: str | None, settings: Settings) -> None:
    """Add to ``headers`` what every answer carries."""
    given = set(headers.keys(lower=True))
    headers.extend(of_every(path, origin, given, settings))


def of_body(body: bytes, media_type: str, *, is_gzip: bool = False) -> Headers:
    """The headers that describe a body. They come first."""
    return Headers(
        [
            ("Content-Type", get_content_type(media_type, "utf-8")),
            *([("Content-Encoding", "gzip")] if is_gzip else []),
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
