"""One connection to the real server, byte by byte."""

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from tests.support.stage import Stage

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: presence\r\n\r\n"


class Line:
    """One connection; ``said`` is all that the server has said."""

    def __init__(self, stage: Stage) -> None:
        address = urlsplit(stage.server.url)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=20)
        self.said = b""
        self.is_over = False

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes, pause: float = 0.05) -> "Line":
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(pause)  # so that each is a read of its own
            self.socket.sendall(piece)
        return self

    def finish(self) -> "Line":
        """Half-close: the client's last word."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def to_the_end(self) -> bytes:
        """All that it says until it closes."""
        while piece := self.socket.recv(65536):
            self.said += piece
        return self.said

    def is_cut_off(self) -> bool:
        """The server hears nothing more."""
        try:
            while True:
                self.socket.sendall(b"x")
                time.sleep(0.01)
        except ConnectionError:
            return True

    def in_silence(self, seconds: float = 0.3) -> bytes:
        """All that it says until it is silent, or closes; it must say something."""
        self.said += self.socket.recv(65536)
        self.socket.settimeout(seconds)
        try:
            return self.to_the_end()
        except TimeoutError:
            return self.said
        finally:
            self.socket.settimeout(20)


def posted(path: str, body: Any, more: bytes = b"", *, chunked: bool = False) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: presence\r\nContent-Type: application/json\r\n".encode()
    if chunked:
        framing = b"Transfer-Encoding: chunked\r\n"
        content = b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
    else:
        framing = b"Content-Length: %d\r\n" % len(content)
    return head + more + framing + b"\r\n" + content


def bearer(stage: Stage, member: Any) -> bytes:
    return f"Authorization: Bearer {stage.world.token(member)}\r\n".encode()
