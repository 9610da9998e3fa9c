"""Bodies of requests: read whole on the event loop, bounded in bytes, in time, and in number.

A body of more than 64 KiB, where one is allowed, is read only from who has a token of this service,
one of each user at a time, and few of all.
"""

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID
from weakref import WeakValueDictionary

from issuers.registry import TrustedIssuers
from live.asgi import RawHeaders, Receive, Scope
from services.errors import NotAuthenticated
from settings import Settings
from wire.authorization import token_in
from wire.body_size import BODY_BYTES, most_bytes

BODY_SECONDS = 10.0  # design.md, "Memory": for a body to arrive
# So much of a body is read even where it is too large: a client that is still sending when its
# connection ends may never see the answer (RFC 9112, 9.6).
DISCARDED_BYTES = 4 * 1024 * 1024
LARGE_BODIES = 8  # at a time, in each process


class Unread(Exception):
    """The body was not read to its end: the problem that answers it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class Bodies:
    """Those of one process."""

    def __init__(self, settings: Settings, issuers: TrustedIssuers) -> None:
        self._settings = settings
        self._issuers = issuers
        self._turns = asyncio.Semaphore(LARGE_BODIES)
        self._turn_of: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def read(
        self, scope: Scope, headers: RawHeaders, receive: Receive, held: AsyncExitStack
    ) -> bytes | None:
        """The body, or as much of it as shows that it is too large, or may not be sent.

        :param held: holds the turn of a large body, to be closed once it is forgotten
        :returns: None where the client has gone
        :raises Unread: it did not arrive in time, or had to wait too long for its turn
        """
        allowed, most = most_bytes(scope["raw_path"].decode("latin-1")), BODY_BYTES
        if self._is_better_unread(headers, allowed):
            return b""
        body, received, more, is_waiting = bytearray(), 0, True, False
        try:
            async with asyncio.timeout(BODY_SECONDS) as patience:
                while more and received <= DISCARDED_BYTES:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    piece = message.get("body", b"")
                    received += len(piece)
                    if most < min(received, allowed):
                        sender = self._sender(headers)
                        if sender is None:
                            allowed = most
                        else:
                            is_waiting = True
                            _begin_anew(patience)
                            await self._turn(sender, held)
                            _begin_anew(patience)
                            is_waiting, most = False, allowed
                    body += piece[: most + 1 - len(body)]
                    more = message.get("more_body", False)
        except TimeoutError:
            raise (_busy() if is_waiting else _slow()) from None
        return bytes(body)

    def _is_better_unread(self, headers: RawHeaders, allowed: int) -> bool:
        """Whether Flask will refuse it by its length, so that the client need not send it."""
        given = dict(headers)
        length = given.get(b"content-length", b"")
        most = DISCARDED_BYTES
        if b"expect" in given:
            is_known = allowed > BODY_BYTES and self._sender(headers) is not None
            most = allowed if is_known else BODY_BYTES
        return length.isdigit() and int(length[:19]) > most

    def _sender(self, headers: RawHeaders) -> UUID | None:
        """The user whose token it is; None where it is not a good one."""
        given = b",".join(value for name, value in headers if name == b"authorization")
        try:
            return token_in(given.decode("latin-1"), self._settings, self._issuers).claims.user_id
        except NotAuthenticated:
            return None

    async def _turn(self, sender: UUID, held: AsyncExitStack) -> None:
        """Wait until few others send large bodies, and this user none."""
        await held.enter_async_context(self._turn_of.setdefault(sender, asyncio.Lock()))
        await held.enter_async_context(self._turns)


def _begin_anew(patience: asyncio.Timeout) -> None:
    patience.reschedule(asyncio.get_running_loop().time() + BODY_SECONDS)


def _slow() -> Unread:
    seconds = int(BODY_SECONDS)
    return Unread("malformed_request", f"The body did not arrive within {seconds} seconds.")


def _busy() -> Unread:
    return Unread("busy", "Too many others send large bodies. Try again shortly.")
