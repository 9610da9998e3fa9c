"""The feed that needs nothing but the database: it compares versions, every 100 ms."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from feeds.feed import LEASE_SECONDS, Cache, Feed
from models.across_orgs import VERSIONS_OF_ORGS
from models.database import Database
from models.reach import NO_ORG
from models.versions import Versions
from settings import Settings

POLL_SECONDS = 0.1  # design.md, "Memory"


class VersionPoller(Feed):
    """Compares the versions in memory with the database's."""

    kind = "poll"
    is_alive = True

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="version-poller")
        self._counter = CommitCounter(database) if database.is_sqlite else None

    @staticmethod
    def suits(dialect: str) -> bool:
        return True

    @staticmethod
    def announce(session: Session, org_id: UUID) -> ColumnElement[None] | None:
        return None  # the raised version says it all

    def also_hear(self, channel: str, act: Callable[[str], None]) -> None:
        """Nothing: it knows no channels."""

    async def hear(self, cache: Cache, is_needed: Callable[[], bool]) -> None:
        try:
            while True:
                begun = monotonic()
                if is_needed():
                    await self.look(cache)
                await asyncio.sleep(begun + POLL_SECONDS - monotonic())
        except asyncio.CancelledError:
            self._thread.shutdown(wait=False, cancel_futures=True)
            if self._counter is not None:
                self._counter.close()
            raise

    async def look(self, cache: Cache) -> None:
        """Compare once, and renew the lease."""
        begun, ids = monotonic(), [org.id for org in cache.watched()]
        loop = asyncio.get_running_loop()
        try:
            # A look at the counter costs less than another thread's turn.
            if self._counter is None or self._counter.has_moved():
                found = await loop.run_in_executor(self._thread, self._read, ids)
                self._compare(cache, found)
        except Exception as error:
            if self._counter is not None:
                self._counter.forget()  # what has moved was not read
            if isinstance(error, SQLAlchemyError | sqlite3.Error):
                return  # the lease ends by itself
            raise
        cache.renew_lease(begun + LEASE_SECONDS)

    def _read(self, ids: list[UUID]) -> dict[UUID, Versions]:
        if not ids:
            return {}
        with self._database.read(NO_ORG) as session:
            rows = VERSIONS_OF_ORGS.run(session, org_ids=ids)
            return {row.id: Versions.of(row) for row in rows}

    def _compare(self, cache: Cache, found: dict[UUID, Versions]) -> None:
        changed = []
        for org in cache.watched():
            if org.is_being_read:
                # That read may be of before the commit that moved SQLite's counter; elsewhere the
                # next look compares it.
                if self._counter is not None:
                    changed.append(org.id)
            elif org.versions is not None and org.versions != found.get(org.id):
                changed.append(org.id)
        cache.invalidate(changed)


class CommitCounter:
    """SQLite's count of other connections' commits: looking at it costs next to nothing."""

    def __init__(self, database: Database) -> None:
        self._path = str(database.engine.url.database)
        self._connection: sqlite3.Connection | None = None
        self._seen: int | None = None

    def has_moved(self) -> bool:
        """Whether anything was committed since the last call; True at the first."""
        if self._connection is None:
            # Without a timeout: it is the event loop that would wait.
            self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=0)
        (count,) = self._connection.execute("PRAGMA data_version").fetchone()
        seen, self._seen = self._seen, count
        return bool(count != seen)

    def forget(self) -> None:
        """Make the next call say True."""
        self._seen = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
