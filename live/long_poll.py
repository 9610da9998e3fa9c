"""Long polls: ``Prefer: wait=N`` (RFC 7240) holds a poll that finds nothing new until it does."""

import asyncio
import re

from live.asgi import RawHeaders, Receive
from live.watch_cache import CachedOrg
from models.views import View

LONGEST_SECONDS = 30  # contract.md, "Conditional requests"

_WAIT = re.compile(rb'(?:^|,)\s*wait\s*=\s*"?(\d+)"?\s*(?=[;,]|$)', re.IGNORECASE)


def seconds_to_wait(prefer: bytes | None) -> int:
    """How long the client is ready to wait; 0 where it does not say, or what it says is invalid."""
    found = _WAIT.search(prefer) if prefer else None
    return min(int(found[1]), LONGEST_SECONDS) if found else 0


def applied(seconds: int) -> RawHeaders:
    """The header of an answer that was held."""
    return [(b"preference-applied", b"wait=%d" % seconds)]


class LongPoll:
    """One held request. It ends with a change, with its time, or with its client."""

    def __init__(self, receive: Receive) -> None:
        self._gone = asyncio.ensure_future(_disconnected(receive))
        self._released = asyncio.get_running_loop().create_future()

    def release(self) -> None:
        if not self._released.done():
            self._released.set_result(None)

    async def wait(self, org: CachedOrg, view: View, seconds: float) -> bool:
        """Wait for a change of ``view``; False where the client has disconnected.

        uvicorn does not cancel a request whose client disconnects, so this waits for that too.
        """
        org.waiters.add(view, self)
        self._released = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait(
                (self._gone, self._released),
                timeout=seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            org.waiters.remove(view, self)
        return not self._gone.done()

    def __enter__(self) -> "LongPoll":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
