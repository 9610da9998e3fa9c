"""Clients on raw connections, cheap enough that one core plays thousands of them."""

import asyncio
import re
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from bench.common import Unable

PATH = "/v1/presence"
KEPT_BYTES = 1000  # of a body, compressed or not: enough for the token of a session

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_GZIP = re.compile(rb"\r\ncontent-encoding: gzip", re.IGNORECASE)


def browser_headers(token: str | None) -> dict[str, str]:
    """What a browser sends with a fetch()."""
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    return {
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/142.0.0.0 Safari/537.36",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate, br, zstd",
        "Accept-Language": "en-US,en;q=0.9",
        **authorization,
        "Referer": "http://127.0.0.1/",
        "Sec-Ch-Ua": '"Chromium";v="142", "Not_A Brand";v="99"',
        "Sec-Ch-Ua-Mobile": "?0",
        "Sec-Ch-Ua-Platform": '"Linux"',
        "Sec-Fetch-Dest": "empty",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-origin",
    }


def request(
    method: str,
    path: str,
    token: str | None,
    body: bytes = b"",
    more: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The bytes of a request, with ``more`` headers."""
    headers = {"Host": "127.0.0.1", **browser_headers(token), **more}
    if method == "POST":
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Client(asyncio.Protocol):
    """One keep-alive connection, on which one request at a time is answered.

    :ivar asks_for_heads: the requests are HEAD, so that no answer has a body
    :ivar body_bytes: what the body of the last answer had
    """

    asks_for_heads = False
    body_bytes = 0

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self._head = b""  # the beginning of an answer, until its head is whole
        self._start = b""  # the first bytes of its body
        self._left = 0  # bytes of its body still to come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._body(data)
            return
        data = self._head + data
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator:
            self._head = data
            return
        self._head, self._start = head, b""
        has_body = head[9:12] != b"304" and not self.asks_for_heads
        length = _LENGTH.search(head) if has_body else None
        self._left = self.body_bytes = int(length[1]) if length else 0
        self._body(body)

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        """An answer is there, ``start`` being the first bytes of its body."""
        raise NotImplementedError

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def _body(self, data: bytes) -> None:
        self._left -= len(data)
        if len(self._start) < KEPT_BYTES:
            self._start += data[:KEPT_BYTES]
        if self._left <= 0:
            head, self._head = self._head, b""
            self.answered(int(head[9:12]), head, _plain(head, self._start))


def _plain(head: bytes, start: bytes) -> bytes:
    """The first bytes of a body, which may be compressed."""
    if not _GZIP.search(head):
        return start
    return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(start)


class Caller(Client):
    """Asks, and waits for the answer; who asks meanwhile waits for their turn."""

    _answer: "asyncio.Future[tuple[int, bytes, bytes]]"

    def __init__(self) -> None:
        super().__init__()
        self._turn = asyncio.Lock()

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Status, head, and the first bytes of the body."""
        async with self._turn:
            if self.transport is None:
                raise Unable("the server closed a connection")
            self._answer = self.loop.create_future()
            self.transport.write(request)
            return await self._answer

    def answered(self, status: int, head: bytes, start: bytes) -> None:
        if not self._answer.done():  # nobody waits for it any more
            self._answer.set_result((status, head, start))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(Unable("the server closed a connection"))
