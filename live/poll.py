"""What a poll asks, its headers parsed once."""

from live.asgi import RawHeaders
from live.long_poll import seconds_to_wait
from wire.content_coding import accepts_gzip
from wire.header_lists import LIST_BYTES
from wire.negotiation import accepted

PollHeaders = dict[bytes, bytes]

# The answer to a poll depends on these. A poll that repeats one of them is Flask's, but for
# ``Prefer``, and so is one with any of NOT_OF_A_POLL.
OF_A_POLL = (
    b"authorization",
    b"if-none-match",
    b"accept",
    b"accept-encoding",
    b"origin",
    b"prefer",
    b"presence-min-version",
    b"presence-org",
)
NOT_OF_A_POLL = frozenset((b"content-length", b"transfer-encoding", b"upgrade"))
RELEVANT = NOT_OF_A_POLL.union(OF_A_POLL)

# design.md, "Memory": of the headers of one poll. An issuer's token, of 2 KB or somewhat more, a
# tag and all that browsers send fit in.
REMEMBERED_BYTES = 5120


def poll_headers(headers: RawHeaders) -> PollHeaders | None:
    """The headers that the answer depends on, or None where only Flask can tell.

    They are kept for as long as the client polls. One that is too long to be parsed is emptied.
    """
    found: PollHeaders = {}
    for name, value in headers:
        if name in RELEVANT:
            if name == b"prefer" and name in found:
                value = found[name] + b"," + value  # RFC 7240, section 2: a list
            elif name in found or name in NOT_OF_A_POLL:
                return None
            found[name] = value if len(value) <= LIST_BYTES or name == b"authorization" else b""
    return found


class Poll:
    """
    :ivar headers: as they were sent; polls with equal ones ask the same
    :ivar min_version: the version that the answer must show, or 0
    :ivar wait_seconds: for how long the client is ready to wait for a change, or 0
    """

    __slots__ = ("accepts_gzip", "format", "headers", "min_version", "wait_seconds")

    def __init__(self, headers: PollHeaders) -> None:
        self.headers = headers
        self.format = accepted(self._text(b"accept"))
        self.accepts_gzip = accepts_gzip(self._text(b"accept-encoding"))
        self.min_version = _version(headers.get(b"presence-min-version", b""))
        self.wait_seconds = seconds_to_wait(headers.get(b"prefer"))

    @property
    def authorization(self) -> bytes | None:
        return self.headers.get(b"authorization")

    @property
    def if_none_match(self) -> str | None:
        return self._text(b"if-none-match")

    @property
    def org(self) -> str | None:
        return self._text(b"presence-org")

    @property
    def origin(self) -> str | None:
        return self._text(b"origin")

    @property
    def is_short(self) -> bool:
        """Whether it may be remembered."""
        return sum(map(len, self.headers.values())) <= REMEMBERED_BYTES

    def after(self, tag: str) -> "Poll":
        """The client's next poll, once it has what ``tag`` stands for."""
        return Poll({**self.headers, b"if-none-match": tag.encode()})

    def _text(self, name: bytes) -> str | None:
        return self.headers[name].decode("latin-1") if name in self.headers else None


def _version(value: bytes) -> int:
    return int(value) if value.isdigit() and len(value) < 20 else 0
