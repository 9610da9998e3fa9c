"""ASGI's types, and an answer in its terms."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from werkzeug.datastructures import Headers

from wire.client_address import Address, find

RawHeaders = list[tuple[bytes, bytes]]
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]


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


def client_of(scope: Scope, trusted_proxies: int) -> Address | None:
    """The address of who sent a request, as far as it can be known."""
    said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    connected = scope["client"][0] if scope["client"] else None
    return find(connected, said.decode("latin-1"), trusted=trusted_proxies)


def raw(headers: Headers) -> RawHeaders:
    """Headers as ASGI has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
