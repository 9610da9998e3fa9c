"""The id of a request: the client's own where it has one, so that both logs tell of the same."""

import re
from uuid import uuid4

RawHeaders = list[tuple[bytes, bytes]]

HEADER = "Request-Id"
_OWN = re.compile(r"[A-Za-z0-9._-]{1,64}")  # contract.md, "Operations"
_RAW_HEADER = HEADER.lower().encode()


def own_or_new(own: str | None) -> str:
    """``own`` where it may be one, else a new one."""
    return own if own is not None and _OWN.fullmatch(own) else uuid4().hex


def own_in(headers: RawHeaders) -> str | None:
    """What the headers of an ASGI scope name: several values are no id, as in Flask."""
    values = [value for name, value in headers if name == _RAW_HEADER]
    return b",".join(values).decode("latin-1") if values else None


def of_raw(headers: RawHeaders) -> str:
    """The id of an ASGI request."""
    return own_or_new(own_in(headers))


def raw(request_id: str) -> tuple[bytes, bytes]:
    """The header of an answer, as ASGI has it."""
    return _RAW_HEADER, request_id.encode()
