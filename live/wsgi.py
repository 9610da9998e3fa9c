"""WSGI (PEP 3333): a request that is in hand whole, and the answer to it."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from live.asgi import RawHeaders, Scope

# Neither has a body, so neither has a length.
WITHOUT_LENGTH = (204, 304)


class Rest:
    """The pieces of a body that follow the first, each made when it is asked for."""

    def __init__(self, made: Iterator[bytes], close: Callable[[], None]) -> None:
        self._made = made
        self.close = close

    def next(self) -> bytes | None:
        """The next piece; None after the last."""
        return next(self._made, None)


class Answered(NamedTuple):
    """
    :ivar rest: what follows ``body``; None where that is the whole
    """

    status: int
    headers: RawHeaders
    body: bytes
    rest: Rest | None = None


def run(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> Answered:
    """The application's answer (PEP 3333): whole, or its first piece.

    An answer with a length is whole. So is one in HTTP/1.0, whose clients can't tell the end of an
    answer without one from a connection that broke off.
    """
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        # Nothing has been sent, so a second call, for an error, replaces the first.
        started[:] = [(status, headers)]
        return written.append

    made = app(environ, start_response)
    rest = Rest(iter(made), getattr(made, "close", lambda: None))
    is_in_pieces = False
    try:
        while not is_in_pieces and (piece := rest.next()) is not None:
            written.append(piece)
            is_in_pieces = not _is_whole(environ, *started[0])
    finally:
        if not is_in_pieces:
            rest.close()
    ((line, given),) = started
    status, body = int(line[:3]), b"".join(written)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given]
    if is_in_pieces:
        return Answered(status, headers, body, rest)
    if (
        status not in WITHOUT_LENGTH
        and environ["REQUEST_METHOD"] != "HEAD"
        and not _has_length(given)
    ):
        headers.append((b"content-length", b"%d" % len(body)))
    return Answered(status, headers, body)


def _is_whole(environ: dict[str, Any], _status: str, headers: list[tuple[str, str]]) -> bool:
    return _has_length(headers) or environ["SERVER_PROTOCOL"] == "HTTP/1.0"


def _has_length(headers: list[tuple[str, str]]) -> bool:
    return any(name.lower() == "content-length" for name, _ in headers)


def environ_of(scope: Scope, headers: RawHeaders, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it: bytes as text in Latin-1."""
    host, port = scope.get("server") or ("localhost", None)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["raw_path"].decode("latin-1"),  # not decoded: routes/paths.py
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client") is not None:
        address, port = scope["client"]
        environ |= {"REMOTE_ADDR": address, "REMOTE_PORT": str(port)}
    for name, value in _with_length(headers, len(body)):
        key, text = name.decode("latin-1").upper().replace("-", "_"), value.decode("latin-1")
        if key not in ("CONTENT_LENGTH", "CONTENT_TYPE"):
            key = f"HTTP_{key}"
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def _with_length(headers: RawHeaders, length: int) -> RawHeaders:
    """WSGI needs the length of a body, also of one that came in chunks."""
    if length == 0:
        return headers
    others = [
        (name, value)
        for name, value in headers
        if name not in (b"content-length", b"transfer-encoding")
    ]
    return [*others, (b"content-length", str(length).encode())]
