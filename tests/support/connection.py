"""A connection that can be cut, and what it brought."""

import asyncio
import json
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlsplit

LONGEST_SECONDS = 40  # that an answer is waited for
CUT_OFF = (OSError, EOFError, TimeoutError)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """A kept-alive connection, opened anew once it has ended.

    :ivar opened: how often
    :ivar cut: for how many seconds it had been idle, each time that the server ended it without a
        word meanwhile
    """

    def __init__(self, url: str) -> None:
        self.address = urlsplit(url)
        self.opened = 0
        self.cut: list[float] = []
        self._used_at = monotonic()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(
            self.address.hostname, self.address.port
        )
        self.opened += 1

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answer:
        """Ask once; ``if_none_match=…`` is the header If-None-Match.

        :raises OSError, EOFError, TimeoutError: there was no answer
        """
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return await self._ask(method, path, body, headers)
        except BaseException:
            self.close()
            raise

    async def _ask(
        self, method: str, path: str, body: Any, headers: dict[str, str | None]
    ) -> Answer:
        if self._reader is not None and (self._reader.at_eof() or self._reader.exception()):
            self.cut.append(monotonic() - self._used_at)
            self.close()
        if self._reader is None or self._writer is None:
            await self.open()
        assert self._reader is not None
        assert self._writer is not None
        self._writer.write(request(method, path, body, **headers))
        answer = await read_answer(self._reader)
        self._used_at = monotonic()
        if answer.headers.get("connection") == "close":
            self.close()
        return answer


def request(method: str, path: str, body: Any = None, **headers: str | None) -> bytes:
    """The request as it is sent."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: presence"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(first.split()[1]), headers, body)
