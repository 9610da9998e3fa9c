"""Fetching a small JSON document from an issuer, within bounds that no server can stretch.

There are no redirects, no proxies, no compression. All but the look-up of the name takes at most
3 s, however slowly the bytes arrive, and at most 64 KiB are read. It runs in a thread of its own
(issuers/keys.py).
"""

import io
import json
import socket
import ssl
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

# contract.md, "Tokens of a trusted issuer"
SECONDS = 3.0
DOCUMENT_BYTES = 64 * 1024
HEAD_BYTES = 16 * 1024


class Unreadable(Exception):
    """A document could not be had; the message says why, without a word that its server wrote."""


def read_json(where: str, until: float) -> Any:
    """The JSON document at a URL or a path.

    :param until: by ``time.monotonic()``
    :raises Unreadable: it is not there, too long, too slow, or no JSON
    """
    content = _fetched(where, until) if "://" in where else _of_file(where)
    if len(content) > DOCUMENT_BYTES:
        raise Unreadable(f"more than {DOCUMENT_BYTES} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Unreadable("no JSON") from None


def _of_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(DOCUMENT_BYTES + 1)
    except OSError as error:
        raise Unreadable(error.strerror or type(error).__name__) from None


def _fetched(url: str, until: float) -> bytes:
    parts = urlsplit(url)
    connection = _Connection(str(parts.hostname), parts.port, parts.scheme == "https", until)
    headers = {"Accept": "application/json", "User-Agent": "presence", "Connection": "close"}
    try:
        query = f"?{parts.query}" if parts.query else ""
        connection.request("GET", f"{parts.path or '/'}{query}", headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise Unreadable(f"answered {answer.status}")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise Unreadable("compressed, which was not asked for")
        return answer.read(DOCUMENT_BYTES + 1)
    except TimeoutError:
        raise Unreadable(f"took more than {SECONDS:g} s") from None
    except (OSError, HTTPException, UnicodeError, ValueError) as error:
        raise Unreadable(type(error).__name__) from None
    finally:
        connection.end()


class _Connection(HTTPConnection):
    """A connection on which nothing lasts beyond a moment that is given."""

    def __init__(self, host: str, port: int | None, is_secure: bool, until: float) -> None:
        super().__init__(host, port or (443 if is_secure else 80))
        self._is_secure = is_secure
        self._until = until
        self._open = ExitStack()

    def connect(self) -> None:
        connected = self._open.enter_context(self._connected())
        if self._is_secure:
            secure = ssl.create_default_context()
            connected.settimeout(_left(self._until))
            connected = secure.wrap_socket(connected, server_hostname=self.host)
            self._open.enter_context(connected)
        self.sock = _Socket(connected, self._until)

    def end(self) -> None:
        self._open.close()

    def _connected(self) -> socket.socket:
        """A socket to the first of the host's addresses that answers."""
        failed = OSError("no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM
        ):
            connecting = socket.socket(family, kind, protocol)
            try:
                connecting.settimeout(_left(self._until))
                connecting.connect(address)
                return connecting
            except OSError as error:
                connecting.close()
                failed = error
        raise failed


class _Socket:
    """What ``http.client`` uses of a socket."""

    def __init__(self, connected: socket.socket, until: float) -> None:
        self._connected = connected
        self._until = until

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._connected, self._until))

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(_left(self._until))
        self._connected.sendall(data)

    def close(self) -> None:
        """Not yet: ``http.client`` closes it before it reads the body."""


class _Incoming(io.RawIOBase):
    """What arrives, until the time is up or there was enough."""

    def __init__(self, connected: socket.socket, until: float) -> None:
        self._connected = connected
        self._until = until
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._bytes > HEAD_BYTES + DOCUMENT_BYTES:
            raise Unreadable(f"more than {DOCUMENT_BYTES} bytes")
        self._connected.settimeout(_left(self._until))
        received = self._connected.recv_into(buffer)
        self._bytes += received
        return received


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
