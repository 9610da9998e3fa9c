"""A relay between a client and PostgreSQL that reads along what the client sends.

It reads the frontend's messages by PostgreSQL's protocol alone, and so counts round trips whatever
library sends them.
"""

import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import make_url

QUERY = b"Q"
PASSWORD = b"p"
TERMINATE = b"X"


class Wire:
    """``url`` leads through it; ``sent`` has the queries, one for each round trip."""

    def __init__(self, url: str) -> None:
        to = make_url(url)
        self._server = (to.host or "127.0.0.1", to.port or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        plain = {"sslmode": "disable", "gssencmode": "disable"}  # so that it can be read
        at = to.set(host="127.0.0.1", port=port).update_query_dict(plain)
        self.url = at.render_as_string(hide_password=False)
        self.sent: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The queries of a block."""
        before = len(self.sent)
        found: list[str] = []
        yield found
        found += self.sent[before:]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            reader = _Reader(self.sent)
            while True:
                for source in select.select([client, server], [], [])[0]:
                    if not (chunk := source.recv(65536)):
                        return
                    if source is client:
                        reader.read(chunk)
                        server.sendall(chunk)
                    else:
                        client.sendall(chunk)


class _Reader:
    """Reads messages: the first has a length alone, each other a type before it."""

    def __init__(self, sent: list[str]) -> None:
        self._sent = sent
        self._bytes = b""
        self._prefix = 0

    def read(self, chunk: bytes) -> None:
        self._bytes += chunk
        while len(self._bytes) >= self._prefix + 4:
            (length,) = struct.unpack_from("!I", self._bytes, self._prefix)
            end = self._prefix + length
            if len(self._bytes) < end:
                return
            kind, body = self._bytes[: self._prefix], self._bytes[self._prefix + 4 : end]
            self._bytes, self._prefix = self._bytes[end:], 1
            if kind == QUERY:
                self._sent.append(body.rstrip(b"\0").decode())
            else:
                assert kind in (b"", PASSWORD, TERMINATE), f"a message of another kind: {kind!r}"


@contextmanager
def wire_to(url: str) -> Iterator[Wire]:
    wire = Wire(url)
    try:
        yield wire
    finally:
        wire.close()
