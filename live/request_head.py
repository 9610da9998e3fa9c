"""The head of a request, parsed strictly by RFC 9112.

What a proxy in front may have read differently is refused, not repaired: which bytes belong to
which request must not depend on who reads them.
"""

import re
from string import ascii_letters, digits
from typing import Any, NamedTuple
from urllib.parse import unquote

from live.protocol_error import ProtocolError

RawHeaders = list[tuple[bytes, bytes]]

# contract.md, "Endpoints": for address, names and values. The bytes between them come on top.
HEAD_BYTES = 16 * 1024
RAW_HEAD_BYTES = HEAD_BYTES + 1024
_LINE_BYTES = 32  # a request line without its address
# As in Apache and gunicorn. A line takes 130 bytes more in memory than on the wire: 16 KiB of the
# shortest lines would take half a megabyte.
HEAD_LINES = 100

_TOKEN = b"!#$%&'*+.^_`|~-" + (digits + ascii_letters).encode()
_HOST = rb"(?:[!$&'()*+,;=._~%0-9A-Za-z-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?"
# Methods are case-sensitive, and Flask would take `get` for GET.
_REQUEST_LINE = re.compile(rb"([A-Z-]{1,20}) ([!\"$-~]+) HTTP/1\.([01])\r\n")
_BEGUN = re.compile(rb"\r?\Z|[A-Z-]{1,20}(?: |\Z)")
# For bytes.translate, which takes a tenth of a regular expression's time.
_CONTROL = bytes({*range(32), 127} - {9})
_ABSOLUTE = re.compile(rb"https?://(" + _HOST + rb")(/.*|\?.*|)", re.IGNORECASE)
_VALID_HOST = re.compile(_HOST)
_DIGITS = re.compile(rb"[0-9]{1,18}")

# Upgrade is ignored (RFC 9110, 7.8): no other part of the service sees that it was offered.
_IGNORED = (b"upgrade", b"http2-settings")

_ONE_HOST = "Send exactly one Host."
_ONE_LENGTH = "Content-Length must be one number."
_ONE_CODING = "Transfer-Encoding may be chunked, and stand alone."
_TWICE = {
    b"host": ("host", _ONE_HOST),
    b"content-length": ("length", _ONE_LENGTH),
    b"transfer-encoding": ("length", _ONE_CODING),
}

Found = dict[bytes, bytes]


class RequestHead(NamedTuple):
    """A request before its body.

    :ivar length: of the body in bytes; None where it comes in chunks
    :ivar expects_continue: the client waits for a 100 before it sends the body
    """

    method: str
    raw_path: bytes
    query: bytes
    http_version: str
    headers: RawHeaders
    length: int | None
    keep_alive: bool
    expects_continue: bool

    @property
    def path(self) -> str:
        path = self.raw_path.decode("ascii")
        return unquote(path) if "%" in path else path

    def scope(self, of_connection: dict[str, Any]) -> dict[str, Any]:
        """As ASGI has it."""
        return {
            **of_connection,
            "http_version": self.http_version,
            "method": self.method,
            "path": self.path,
            "raw_path": self.raw_path,
            "query_string": self.query,
            "headers": self.headers,
        }


def check_begun(data: bytes) -> None:
    """Refuse what can't become a head, whatever follows.

    :raises ProtocolError: it can't
    """
    if not _BEGUN.match(data):
        raise ProtocolError("not_http", "This is not HTTP/1.1.")
    if data.count(b"\n") != data.count(b"\r\n"):
        raise ProtocolError("malformed", "A line ends without CR.")
    if b"\r\n" in data and not _REQUEST_LINE.match(data):
        raise _bad_request_line(data)
    # Four bytes of each line stand between names and values.
    if len(data) - 4 * data.count(b"\r\n") - _LINE_BYTES > HEAD_BYTES or len(data) > RAW_HEAD_BYTES:
        raise _too_large()


def parse(data: bytes) -> RequestHead:
    """
    :param data: a whole head, with the empty line at its end
    :raises ProtocolError: it breaks RFC 9112
    """
    if len(data) > RAW_HEAD_BYTES:
        raise _too_large()
    line = _REQUEST_LINE.match(data)
    if line is None:
        raise _bad_request_line(data)
    method, target, minor = line.groups()
    headers = fields(data[line.end() : -2])
    found = dict(headers) if len(data) <= HEAD_BYTES else _measured(target, headers)
    if len(found) < len(headers):
        found = _joined(headers)
    is_1_1 = minor == b"1"
    _check_host(found, is_1_1)
    if not target.startswith(b"/") or method == b"CONNECT":
        target, headers = _origin_form(method, target, headers)
    if b"upgrade" in found or b"http2-settings" in found:
        headers = [header for header in headers if header[0] not in _IGNORED]
    raw_path, _, query = target.partition(b"?")
    length = _length(found, is_1_1)
    return RequestHead(
        method.decode("ascii"),
        raw_path,
        query,
        "1.1" if is_1_1 else "1.0",
        headers,
        length,
        is_1_1 and (b"connection" not in found or b"close" not in _listed(found[b"connection"])),
        # RFC 9110, 10.1.1: not where there is no body, nor from HTTP/1.0.
        is_1_1
        and length != 0
        and b"expect" in found
        and b"100-continue" in _listed(found[b"expect"]),
    )


def fields(lines: bytes) -> RawHeaders:
    """
    :param lines: field lines, each with its CRLF
    :raises ProtocolError: they are malformed
    """
    if not lines:
        return []
    if lines.count(b"\r\n") > HEAD_LINES:
        raise _too_large()
    parts = lines[:-2].split(b"\r\n")
    try:
        named = [part.split(b":", 1) for part in parts]
        headers = [(name.lower(), value.strip(b" \t")) for name, value in named]
    except ValueError:  # a line without a colon
        raise _malformed_header() from None
    names = [name for name, _ in headers]
    if (
        len(lines) - len(lines.translate(None, _CONTROL)) != 2 * len(parts)
        or b"".join(names).translate(None, _TOKEN)
        or b"" in names
    ):
        raise _malformed_header()
    return headers


def _measured(target: bytes, headers: RawHeaders) -> Found:
    if len(target) + sum(len(name) + len(value) for name, value in headers) > HEAD_BYTES:
        raise _too_large()
    return dict(headers)


def _joined(headers: RawHeaders) -> Found:
    """Values by name, joined where a header is repeated.

    :raises ProtocolError: it must not be repeated
    """
    found: Found = {}
    for name, value in headers:
        if name in found and name in _TWICE:
            raise ProtocolError(*_TWICE[name])
        found[name] = found[name] + b"," + value if name in found else value
    return found


def _listed(value: bytes) -> list[bytes]:
    """The members of a list, in lower case."""
    return [option.strip(b" \t") for option in value.lower().split(b",")]


def _check_host(found: Found, is_1_1: bool) -> None:
    host = found.get(b"host")
    if host is None and is_1_1:
        raise ProtocolError("host", _ONE_HOST)
    if host is not None and not _VALID_HOST.fullmatch(host):
        raise ProtocolError("host", "Host is malformed.")


def _origin_form(method: bytes, target: bytes, headers: RawHeaders) -> tuple[bytes, RawHeaders]:
    """An absolute address as a path; its host replaces the header's (RFC 9112, 3.2.2)."""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or method == b"CONNECT":
        raise ProtocolError("malformed", "The address is malformed.")
    host, rest = absolute.groups()
    target = rest if rest.startswith(b"/") else b"/" + rest
    return target, [(name, host if name == b"host" else value) for name, value in headers]


def _length(found: Found, is_1_1: bool) -> int | None:
    """Of the body (RFC 9112, 6.3); None for chunks."""
    given, coding = found.get(b"content-length"), found.get(b"transfer-encoding")
    if coding is not None:
        if given is not None or not is_1_1 or coding.lower() != b"chunked":
            raise ProtocolError("length", _ONE_CODING)
        return None
    if given is None:
        return 0
    if not _DIGITS.fullmatch(given):
        raise ProtocolError("length", _ONE_LENGTH)
    return int(given)


def _malformed_header() -> ProtocolError:
    return ProtocolError("malformed", "A header is malformed.")


def _bad_request_line(data: bytes) -> ProtocolError:
    if _BEGUN.match(data) and b" HTTP/" in data.partition(b"\n")[0]:
        return ProtocolError("malformed", "The request line is malformed, or not HTTP/1.1.")
    return ProtocolError("not_http", "This is not HTTP/1.1.")


def _too_large() -> ProtocolError:
    return ProtocolError(
        "head_too_large", "Address and headers must not exceed 16 KiB or 100 lines.", 431
    )
