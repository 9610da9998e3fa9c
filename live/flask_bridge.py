"""Flask behind the gate: WSGI in threads, entered with the whole request, left with the answer.

No thread waits for a client: the event loop reads bodies and sends answers.
"""

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from flask import Flask

from live.asgi import RawHeaders, Receive, Scope, Send, raw, send_answer
from live.bodies import Bodies, Unread
from settings import Settings
from wire import answers, problems, request_ids, security_headers

THREADS = 8  # of each process, at most: few enough that busy writers leave the loop its turns
OTHER_CONNECTIONS = 4  # the sweep's two, the reader's and the feed's
OF_A_DIRECTORY = 1  # where one is followed
OF_ISSUERS = 2  # where there are any: for people's orgs, and for an issuer's keys
# Neither has a body, so neither has a length.
WITHOUT_LENGTH = (204, 304)


class Answered(NamedTuple):
    status: int
    headers: RawHeaders
    body: bytes


class FlaskBridge:
    """An ASGI application that hands requests to Flask."""

    def __init__(self, app: Flask) -> None:
        self._app = app.wsgi_app
        self._settings: Settings = app.extensions["presence"].settings
        self._threads = ThreadPoolExecutor(_threads(self._settings), thread_name_prefix="flask")
        self._bodies = Bodies(self._settings, app.extensions["presence"].issuers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # WSGI can't tell if_none_match from if-none-match: a client could pass one for the other.
        headers = [header for header in scope["headers"] if b"_" not in header[0]]
        async with AsyncExitStack() as held:
            try:
                body = await self._bodies.read(scope, headers, receive, held)
            except Unread as unread:
                await self._refuse(unread, scope, send)
                return
            if body is None:
                return
            environ = _environ(scope, _with_length(headers, len(body)), body)
            loop = asyncio.get_running_loop()
            answered = await loop.run_in_executor(self._threads, _run, self._app, environ)
        await send_answer(*answered, scope, send)

    async def _refuse(self, unread: Unread, scope: Scope, send: Send) -> None:
        """Answer in place of Flask a request whose body has not been read."""
        request_id = request_ids.of_raw(scope["headers"])
        answer = problems.problem(unread.code, unread.detail, request_id=request_id)
        origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
        answers.complete(answer.headers, scope["path"], origin, self._settings)
        security_headers.add(answer.headers)
        answer.headers["Connection"] = "close"
        answer.headers[request_ids.HEADER] = request_id
        await send_answer(answer.status, raw(answer.headers), answer.body, scope, send)


def _threads(settings: Settings) -> int:
    """No more than have a connection each, so that none waits for one."""
    others = OTHER_CONNECTIONS + (OF_ISSUERS if settings.trusted_issuers else 0)
    others += OF_A_DIRECTORY if settings.directory_schema else 0
    return max(1, min(THREADS, settings.db_connections - others))


def _run(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> Answered:
    """The application's whole answer (PEP 3333)."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        # Nothing has been sent, so a second call, for an error, replaces the first.
        started[:] = [(status, headers)]
        return written.append

    pieces = app(environ, start_response)
    try:
        written.extend(pieces)
    finally:
        getattr(pieces, "close", lambda: None)()
    ((line, given),) = started
    status, body = int(line[:3]), b"".join(written)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given]
    if (
        status not in WITHOUT_LENGTH
        and environ["REQUEST_METHOD"] != "HEAD"
        and not any(name == b"content-length" for name, _ in headers)
    ):
        headers.append((b"content-length", b"%d" % len(body)))
    return Answered(status, headers, body)


def _environ(scope: Scope, headers: RawHeaders, body: bytes) -> dict[str, Any]:
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
    for name, value in headers:
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
