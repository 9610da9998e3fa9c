"""Answers in pieces: each is made when the connection has taken the one before."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from live.asgi import RawHeaders, Send
from live.request_cycle import ClientGone
from live.wsgi import Rest


class Streaming:
    """Those of one process. Pieces take nothing of the database, so one thread makes them all."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pieces")

    async def send(
        self, status: int, headers: RawHeaders, first: bytes, rest: Rest, send: Send
    ) -> None:
        """Send an answer piece by piece.

        Where making one fails, the exception lets the server end the connection within the answer.
        """
        loop = asyncio.get_running_loop()
        piece: bytes | None = first
        try:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            while piece is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await loop.run_in_executor(self._thread, rest.next)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except ClientGone:
            pass
        finally:
            await loop.run_in_executor(self._thread, rest.close)
