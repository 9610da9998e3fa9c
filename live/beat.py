"""What a heartbeat asks, where its form leaves no doubt."""

import asyncio
import re
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from live.asgi import Message, RawHeaders, Receive, Scope
from schemas.fields import is_id
from wire.json import strict_json

PATH = "/v1/heartbeat"

# The answer depends on these. A heartbeat that repeats one of them is Flask's, and so is one with
# any of NOT_OF_A_BEAT.
OF_A_BEAT = (b"authorization", b"content-length", b"content-type", b"origin", b"presence-org")
NOT_OF_A_BEAT = frozenset((b"content-encoding", b"expect", b"transfer-encoding", b"upgrade"))
RELEVANT = NOT_OF_A_BEAT.union(OF_A_BEAT)
JSON_TYPES = tuple(
    b"application/json" + more for more in (b"", b";charset=utf-8", b"; charset=utf-8")
)
SHORT = re.compile(rb"[1-9][0-9]{0,2}")  # the length of a body in bytes
BODY_SECONDS = 1.0  # a body that is slower is Flask's: its bridge has its own patience


class Beat(NamedTuple):
    """
    :ivar org: its ``Presence-Org``
    """

    authorization: bytes | None
    org: str | None
    origin: str | None
    presence_id: UUID


async def read_beat(scope: Scope, receive: Receive) -> tuple[Beat | None, Receive]:
    """The heartbeat that a request is, or None where only Flask can tell; and what reads the
    request again, from its beginning."""
    headers = None if scope["query_string"] else _beat_headers(scope["headers"])
    if headers is None:
        return None, receive
    messages: list[Message] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            while not messages or messages[-1].get("more_body"):
                messages.append(await receive())

    async def receive_again() -> Message:
        return messages.pop(0) if messages else await receive()

    return _beat(headers, messages), receive_again


def _beat_headers(headers: RawHeaders) -> dict[bytes, bytes] | None:
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in RELEVANT:
            if name in found or name in NOT_OF_A_BEAT:
                return None
            found[name] = value
    is_short = SHORT.fullmatch(found.get(b"content-length", b""))
    is_json = found.get(b"content-type", b"").lower() in JSON_TYPES
    return found if is_short and is_json else None


def _beat(headers: dict[bytes, bytes], messages: list[Message]) -> Beat | None:
    if not messages or messages[-1].get("more_body"):
        return None
    try:
        body = strict_json(b"".join(message["body"] for message in messages))
        presence_id = body["presence_id"]
    except (LookupError, TypeError, ValueError, RecursionError):
        return None
    if not is_id(presence_id):
        return None
    org, origin = headers.get(b"presence-org"), headers.get(b"origin")
    return Beat(
        headers.get(b"authorization"),
        None if org is None else org.decode("latin-1"),
        None if origin is None else origin.decode("latin-1"),
        UUID(presence_id),
    )
