"""Flask behind the gate: WSGI in threads, entered only with the whole body in hand."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask
from werkzeug.datastructures import Headers

from live.question import RawHeaders
from routes import answers, request_ids
from routes.requests import BODY_BYTES
from settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS = 8  # of each process: few enough that busy writers leave the loop its turns
BODY_SECONDS = 10.0  # design.md, "Memory": a body that takes longer is not waited for
# Of a body that is too large so much is read all the same: a client that is still sending when
# its connection ends may never see the answer (RFC 9112, 9.6).
DISCARDED_BYTES = 4 * 1024 * 1024


class FlaskBridge:
    """An ASGI application that hands requests to Flask.

    a2wsgi alone would read the body inside its thread: a dozen clients that send slowly would
    stop all others.
    """

    def __init__(self, app: Flask) -> None:
        self._wsgi = WSGIMiddleware(app.wsgi_app, workers=THREADS)  # type: ignore[arg-type]
        self._settings: Settings = app.extensions["presence"].settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # WSGI can't tell if_none_match from if-none-match: one would pass for the other.
        headers = [header for header in scope["headers"] if b"_" not in header[0]]
        # Not decoded: routes/paths.py.
        path = scope["raw_path"].decode("latin-1")
        scope, body = {**scope, "headers": headers, "path": path}, b""
        if not _is_better_unread(scope["headers"]):
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    whole = await _whole_body(receive)
            except TimeoutError:
                await self._refuse_slow_body(scope, send)
                return
            if whole is None:
                return
            scope = {**scope, "headers": _with_length(scope["headers"], len(whole))}
            body = whole
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop() if messages else {"type": "http.disconnect"}

        await self._wsgi(scope, replay, send)  # type: ignore[arg-type]

    async def _refuse_slow_body(self, scope: Scope, send: Send) -> None:
        seconds = int(BODY_SECONDS)
        request_id = request_ids.of_raw(scope["headers"])
        answer = answers.problem(
            "malformed_request",
            f"The body did not arrive within {seconds} seconds.",
            request_id=request_id,
        )
        origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
        answers.complete(answer.headers, scope["path"], origin, self._settings)
        answer.headers["Connection"] = "close"
        answer.headers[request_ids.HEADER] = request_id
        await send_answer(answer.status, raw(answer.headers), answer.body, scope, send)


async def send_answer(
    status: int, headers: RawHeaders, body: bytes, scope: Scope, send: Send
) -> None:
    """Send an answer whole."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send(
        {
            "type": "http.response.body",
            "body": b"" if scope["method"] == "HEAD" else body,
            "more_body": False,
        }
    )


def raw(headers: Headers) -> RawHeaders:
    """Headers as ASGI has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _whole_body(receive: Receive) -> bytes | None:
    """The body, or as much of it as shows that it is too large; None where the client has gone."""
    body, received, more = bytearray(), 0, True
    while more and received <= DISCARDED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        received += len(piece)
        body += piece[: BODY_BYTES + 1 - len(body)]
        more = message.get("more_body", False)
    return bytes(body)


def _is_better_unread(headers: RawHeaders) -> bool:
    """Flask refuses it by its length, while the client waits or has hardly begun to send."""
    given = dict(headers)
    length = given.get(b"content-length", b"")
    most = BODY_BYTES if b"expect" in given else DISCARDED_BYTES
    return length.isdigit() and int(length[:19]) > most


def _with_length(headers: RawHeaders, length: int) -> RawHeaders:
    """WSGI knows bodies by their length alone, not those that came in chunks."""
    if length == 0:
        return headers
    others = [
        (name, value)
        for name, value in headers
        if name not in (b"content-length", b"transfer-encoding")
    ]
    return [*others, (b"content-length", str(length).encode())]
