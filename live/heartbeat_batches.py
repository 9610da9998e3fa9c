"""Heartbeats that have to be written: those of 50 ms, of all orgs, in one transaction.

Only the event loop's thread touches it; one other thread writes. An answer waits for the commit.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from time import monotonic
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from live.heartbeat_outcome import Outcome
from models.database import Database
from models.reach import NO_ORG
from models.unavailable import is_unavailable
from services import heartbeats
from services.heartbeats import Beats
from services.times import utc_now
from settings import Settings

# design.md, "Numbers"
BATCH_SECONDS = 0.05
WRITE_SECONDS = 5.0
MOST_WAITING = 10_000

log = logging.getLogger("presence.heartbeats")


_Waiting = dict[UUID, "asyncio.Future[Outcome]"]


class HeartbeatBatches:
    """Those of one process."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heartbeats")
        self._waiting: _Waiting = {}
        self._writing: asyncio.Task[None] | None = None
        self._gathered_since = 0.0
        self._written_at: dict[UUID, float] = {}  # by time.monotonic(), the oldest first

    def is_written_lately(self, presence_id: UUID) -> bool:
        """Whether this process wrote a heartbeat of the presence less than an interval ago."""
        written_at = self._written_at.get(presence_id)
        return written_at is not None and monotonic() < written_at + self._interval

    async def write(self, presence_id: UUID) -> Outcome:
        """Wait until a heartbeat of the presence has been committed, or could not be.

        :returns: ``COMMITTED``, ``NOT_WRITTEN`` or ``UNAVAILABLE``
        """
        waiting = self._waiting.get(presence_id)
        if waiting is None:
            if len(self._waiting) >= MOST_WAITING:
                return Outcome.UNAVAILABLE
            loop = asyncio.get_running_loop()
            waiting = self._waiting[presence_id] = loop.create_future()
            if self._writing is None:
                self._gathered_since = monotonic()
                self._writing = loop.create_task(self._write_all())
        return await asyncio.shield(waiting)

    def close(self) -> None:
        """End the writing thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def _interval(self) -> float:
        return self._settings.heartbeat_write_interval

    async def _write_all(self) -> None:
        """Write batch after batch, while any are waiting."""
        try:
            while self._waiting:
                await asyncio.sleep(self._gathered_since + BATCH_SECONDS - monotonic())
                self._gathered_since = monotonic()
                await self._write_batch()
        finally:
            self._writing = None

    async def _write_batch(self) -> None:
        taken, self._waiting = self._waiting, {}
        others: _Waiting = {}
        begun, beats, otherwise = monotonic(), Beats(set(), set()), Outcome.NOT_WRITTEN
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                beats = await loop.run_in_executor(self._thread, self._beat_all, list(taken))
            self._remember(beats.written, begun)
        except TimeoutError:
            # The thread is not free yet: whoever waits for the next batch would wait as long again.
            otherwise = Outcome.UNAVAILABLE
            others, self._waiting = self._waiting, {}
        except Exception as error:
            if is_unavailable(error):
                otherwise = Outcome.UNAVAILABLE
            else:
                log.exception("A batch of heartbeats failed: Flask answers them")
        fresh = beats.written | beats.written_lately
        # A presence may be among both: each has an answer of its own that somebody waits for.
        for presence_id, waiting in (*taken.items(), *others.items()):
            waiting.set_result(Outcome.COMMITTED if presence_id in fresh else otherwise)

    def _beat_all(self, presence_ids: Sequence[UUID]) -> Beats:
        try:
            return self._beat_all_once(presence_ids)
        except DBAPIError:
            # The first use of a connection after the database was away; the pool is new now.
            return self._beat_all_once(presence_ids)

    def _beat_all_once(self, presence_ids: Sequence[UUID]) -> Beats:
        with self._database.write(NO_ORG) as session:
            return heartbeats.beat_all(
                session, presence_ids, settings=self._settings, now=utc_now()
            )

    def _remember(self, written: Iterable[UUID], at: float) -> None:
        """Forget what was written an interval ago, so that memory has only those since then."""
        for presence_id in written:
            self._written_at.pop(presence_id, None)
            self._written_at[presence_id] = at
        oldest = monotonic() - self._interval
        for presence_id, _ in list(
            takewhile(lambda each: each[1] < oldest, self._written_at.items())
        ):
            del self._written_at[presence_id]
