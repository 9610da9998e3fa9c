"""Message framing: where each message of a connection begins and ends (RFC 9112, 6).

No other parser has a say: where two disagree about a length, a stranger's body becomes a request.
This module takes bytes and gives events; it knows nothing of sockets.
"""

import re
from collections.abc import Callable, Iterator
from enum import Enum

from live import request_head
from live.protocol_error import ProtocolError
from live.request_head import HEAD_BYTES, RequestHead

_EMPTY_LINES = re.compile(rb"(?:\r\n)*")  # which may precede a request (RFC 9112, 2.2)
# Size and extensions. Extensions are ignored, but must be well-formed.
_EXTENSIONS = rb"[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*"
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:" + _EXTENSIONS + rb")?\r\n")
_CHUNK_BEGUN = re.compile(rb"(?!\r)[0-9A-Fa-f]{0,8}(?:[ \t]*|" + _EXTENSIONS + rb")\r?\Z")
CHUNK_LINE_BYTES = 1024


class End(Enum):
    """The event of a message that has been read to its end."""

    END = "end"


END = End.END
Event = RequestHead | bytes | End


class Framing:
    """The bytes of one connection.

    :ivar is_in_body: a head was read, but not yet the end of its message
    """

    def __init__(self) -> None:
        self._data = b""  # not yet parsed; between two calls never more than a head
        self._at = 0
        self._left = 0  # of a body, or of a chunk
        self._overhead = 0  # bytes around the data of chunks, less the bytes in them
        # A function, not a bound method, which would make a reference cycle.
        self._next: Callable[[Framing], Event | None] = Framing._head

    @property
    def is_between(self) -> bool:
        """No message has begun that has not ended."""
        return not self._data and self._next is Framing._head

    @property
    def is_in_head(self) -> bool:
        return bool(self._data) and self._next is Framing._head

    @property
    def is_in_body(self) -> bool:
        return self._next is not Framing._head

    def receive(self, data: bytes) -> Iterator[Event]:
        """The events in ``data``. Nothing is parsed beyond the event that was taken last.

        :raises ProtocolError: this is no message; nothing after it may be parsed
        """
        self._data = self._data + data if self._data else data
        while (event := self._next(self)) is not None:
            yield event
        self._data = self._data[self._at :]
        self._at = 0

    def _head(self) -> Event | None:
        empty = _EMPTY_LINES.match(self._data, self._at)
        self._at = empty.end() if empty else self._at
        end = self._data.find(b"\r\n\r\n", self._at)
        if end < 0:
            if self._at < len(self._data):
                request_head.check_begun(self._data[self._at :])
            return None
        read = request_head.parse(self._data[self._at : end + 4])
        self._at = end + 4
        self._overhead = 0
        if read.length is None:
            self._next = Framing._chunk
        else:
            self._left = read.length
            self._next = Framing._body
        return read

    def _body(self) -> Event | None:
        if self._left == 0:
            return self._end()
        return self._piece()

    def _piece(self) -> bytes | None:
        piece = self._data[self._at : self._at + self._left]
        self._at += len(piece)
        self._left -= len(piece)
        return piece or None

    def _end(self) -> Event:
        self._next = Framing._head
        return END

    def _chunk(self) -> Event | None:
        line = _CHUNK_LINE.match(self._data, self._at)
        if line is None:
            rest = self._data[self._at :]
            if len(rest) > CHUNK_LINE_BYTES or not _CHUNK_BEGUN.match(rest):
                raise ProtocolError("chunk", "A chunk is malformed.")
            return None
        self._left = int(line[1], 16)
        spent = line.end() - self._at + 2
        self._overhead = max(0, self._overhead + spent - self._left)
        if spent > CHUNK_LINE_BYTES or self._overhead > HEAD_BYTES:
            raise ProtocolError("chunk", "The chunks have more framing than data.")
        self._at = line.end()
        self._next = Framing._chunk_data if self._left else Framing._trailers
        return self._next(self)

    def _chunk_data(self) -> Event | None:
        if self._left:
            return self._piece()
        rest = self._data[self._at : self._at + 2]
        if rest != b"\r\n":
            if not b"\r\n".startswith(rest):
                raise ProtocolError("chunk", "A chunk is longer than it says.")
            return None
        self._at += 2
        self._next = Framing._chunk
        return self._chunk()

    def _trailers(self) -> Event | None:
        """Trailers are checked by the rules of headers, and dropped."""
        rest = self._data[self._at : self._at + HEAD_BYTES + 1]
        end = 2 if rest.startswith(b"\r\n") else rest.find(b"\r\n\r\n") + 4
        if end < 4 and end != 2:
            if len(rest) > HEAD_BYTES:
                raise ProtocolError(
                    "head_too_large", "Trailers must not exceed 16 KiB or 100 lines.", 431
                )
            return None
        request_head.fields(rest[: end - 2])
        self._at += end
        return self._end()
