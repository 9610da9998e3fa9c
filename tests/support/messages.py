"""Where messages begin and end, by RFC 9112: a reader that shares no line with ``live/``.

It has the whole stream before it and reads it by the standard's grammar, section by section. What
contract.md decides beyond the standard ("Endpoints") is marked.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

CRLF = "\r\n"

# RFC 9110, 5.6.2 and 5.5; RFC 9112, 3 and 7.1; RFC 3986, 3.2.2. Text is bytes in Latin-1.
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
VALUE = r"[\t\x20-\x7e\x80-\xff]*"
REG_NAME = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%)+"
AUTHORITY = rf"(?:{REG_NAME}|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?"
TARGET = r"[\x21\x22\x24-\x7e]+"
REQUEST_LINE = rf"(?P<method>{TOKEN}) (?P<target>{TARGET}) HTTP/(?P<version>[0-9]\.[0-9])"
CHUNK_SIZE = r"(?P<size>[0-9A-Fa-f]+)(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?"
LARGEST_HEAD = 16 * 1024  # contract.md


class Unreadable(Exception):
    """Refused, with this status."""

    def __init__(self, status: int = 400) -> None:
        self.status = status


class Unfinished(Exception):
    """The stream ends within a message."""


class Message(NamedTuple):
    method: str
    fields: dict[str, list[str]]
    body: bytes

    def one(self, name: str) -> str | None:
        return self.fields.get(name, [None])[0]


@dataclass
class Reading:
    """
    :ivar messages: all that are whole
    :ivar refused: the status of what follows them, if that is none
    :ivar is_large: what is refused has a large head
    :ivar is_over: nothing is read after the last one
    :ivar is_unfinished: the stream ends within a message
    """

    messages: list[Message] = field(default_factory=list)
    refused: int | None = None
    is_over: bool = False
    is_large: bool = False
    is_unfinished: bool = False


def read(stream: bytes) -> Reading:
    """All messages of a client's ``stream``."""
    text, found = stream.decode("latin-1"), Reading()
    while not found.is_over:
        while text.startswith(CRLF):  # 2.2
            text = text[2:]
        if not text:
            break
        try:
            message, closes, text = _message(text)
        except Unreadable as refused:
            found.refused, found.is_over = refused.status, True
            found.is_large = len(text.partition(CRLF * 2)[0]) > LARGEST_HEAD
        except Unfinished:
            found.is_unfinished = True
            break
        else:
            found.messages.append(message)
            found.is_over = closes
    return found


def _message(text: str) -> tuple[Message, bool, str]:
    head, end, rest = text.partition(CRLF * 2)
    if not end:
        raise Unfinished
    first, *lines = head.split(CRLF)
    line = re.fullmatch(REQUEST_LINE, first)
    if line is None or line["version"] not in ("1.0", "1.1"):
        raise Unreadable
    fields = _fields(lines)
    size = len(line["target"]) + sum(
        len(n) + len(v) for n, values in fields.items() for v in values
    )
    if size > LARGEST_HEAD:
        raise Unreadable(431)
    _check(line["method"], line["target"], line["version"], fields)
    body, rest = _body(fields, line["version"], rest)
    options = ",".join(fields.get("connection", [])).lower().split(",")
    closes = line["version"] == "1.0" or "close" in [option.strip(" \t") for option in options]
    return Message(line["method"], fields, body), closes, rest


def _fields(lines: list[str]) -> dict[str, list[str]]:
    """5: no white space before the colon (5.1), no folding (5.2)."""
    fields: dict[str, list[str]] = {}
    for line in lines:
        if re.fullmatch(rf"{TOKEN}:{VALUE}", line) is None:
            raise Unreadable
        name, value = line.split(":", 1)
        fields.setdefault(name.lower(), []).append(value.strip(" \t"))
    return fields


def _check(method: str, target: str, version: str, fields: dict[str, list[str]]) -> None:
    """3.2: the target and Host. Methods are those of capital letters (contract.md has no other)."""
    if method != method.upper() or not re.fullmatch("[A-Z-]{1,20}", method) or method == "CONNECT":
        raise Unreadable
    if not target.startswith("/") and not re.fullmatch(
        rf"https?://{AUTHORITY}(?:[/?].*)?", target, re.IGNORECASE
    ):
        raise Unreadable
    hosts = fields.get("host", [])
    if len(hosts) > 1 or (version == "1.1" and not hosts):
        raise Unreadable
    if not all(re.fullmatch(AUTHORITY, host) for host in hosts):
        raise Unreadable


def _body(fields: dict[str, list[str]], version: str, rest: str) -> tuple[bytes, str]:
    """6.3. Contract.md: both lengths, a length twice and other codings are refused."""
    codings, lengths = fields.get("transfer-encoding", []), fields.get("content-length", [])
    if codings:
        if lengths or version == "1.0" or [coding.lower() for coding in codings] != ["chunked"]:
            raise Unreadable
        return _chunked(rest)
    if not lengths:
        return b"", rest
    if len(lengths) > 1 or not re.fullmatch("[0-9]{1,18}", lengths[0]):
        raise Unreadable
    length = int(lengths[0])
    if len(rest) < length:
        raise Unfinished
    return rest[:length].encode("latin-1"), rest[length:]


def _chunked(rest: str) -> tuple[bytes, str]:
    """7.1"""
    body = ""
    while True:
        line, end, after = rest.partition(CRLF)
        size = re.fullmatch(CHUNK_SIZE, line)
        if not end:
            raise Unfinished
        if size is None or len(size["size"]) > 8:
            raise Unreadable
        length = int(size["size"], 16)
        if length == 0:
            break
        data, stop, rest = after[:length], after[length : length + 2], after[length + 2 :]
        if not CRLF.startswith(stop):
            raise Unreadable
        if stop != CRLF:
            raise Unfinished
        body += data
    return body.encode("latin-1"), _after_trailers(after)


def _after_trailers(rest: str) -> str:
    """7.1.2"""
    if rest.startswith(CRLF):
        return rest[2:]
    trailers, end, after = rest.partition(CRLF * 2)
    if not end:
        raise Unfinished
    _fields(trailers.split(CRLF))
    return after


class Answer(NamedTuple):
    status: int
    fields: dict[str, str]
    body: bytes


def answers(stream: bytes, methods: list[str]) -> list[Answer]:
    """What a server has said to requests with these methods, whole; interim answers left out.

    :raises AssertionError: it is no sequence of whole answers
    """
    found: list[Answer] = []
    while stream:
        head, end, stream = stream.partition(b"\r\n\r\n")
        assert end, head
        first, *lines = head.decode("latin-1").split(CRLF)
        assert first.startswith("HTTP/1.1 "), first
        status = int(first.split()[1])
        if status < 200:
            continue
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        is_head = len(found) < len(methods) and methods[len(found)] == "HEAD"
        length = 0 if is_head or status in (204, 304) else int(fields["content-length"])
        assert len(stream) >= length, stream
        found.append(Answer(status, fields, stream[:length]))
        stream = stream[length:]
    return found
