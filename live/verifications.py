"""The first verifications of issuers' tokens, which take the event loop's time.

A signature with a public key takes 0.1 to 0.2 ms, and after a restart 10,000 clients bring one
each. So they are verified a few at a time; between two turns the loop does all else that is ready.
Who floods the process with tokens that only look right makes others wait for their first answer,
but not for those after it: these need no verification.
"""

import asyncio
from time import monotonic

from live.token_cache import TokenCache
from live.watch_cache import Unavailable

# design.md, "Memory"
TURN_SECONDS = 0.002
MOST_WAITING = 4096  # about a second's work


class Verifications:
    """Those of one process; the first come is the first served."""

    def __init__(self, tokens: TokenCache) -> None:
        self._tokens = tokens
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._turns: asyncio.Task[None] | None = None

    async def verify(self, raw: str) -> None:
        """Wait until a token has been verified; the token cache then knows what came of it.

        :raises Unavailable: too many are waiting
        """
        waiting = self._waiting.get(raw)
        if waiting is None:
            if len(self._waiting) >= MOST_WAITING:
                raise Unavailable
            loop = asyncio.get_running_loop()
            waiting = self._waiting[raw] = loop.create_future()
            if self._turns is None:
                self._turns = loop.create_task(self._take_turns())
        await asyncio.shield(waiting)

    async def _take_turns(self) -> None:
        try:
            while self._waiting:
                until = monotonic() + TURN_SECONDS
                while self._waiting and monotonic() < until:
                    self._verify_next()
                await asyncio.sleep(0)
        finally:
            self._turns = None

    def _verify_next(self) -> None:
        raw = next(iter(self._waiting))
        waiting = self._waiting.pop(raw)
        try:
            self._tokens.verify(raw)
        except Exception as error:  # of whoever waits, not of those after it
            waiting.set_exception(error)
            waiting.exception()  # perhaps nobody waits any more
        else:
            waiting.set_result(None)
