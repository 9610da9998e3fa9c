"""The watch cache: of each org that is being polled, what the database last said.

Only the event loop's thread touches it, so there are no locks. :func:`live.org_state.read` alone
runs in another thread, and touches nothing that is shared.
"""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import inf
from time import monotonic
from uuid import UUID

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from feeds.feed import Watched
from live.org_state import OrgState, read
from live.waiters import Waiters
from metrics import READS
from models.database import Database
from models.views import VIEWS, View
from settings import Settings

# design.md, "Memory"
READ_EVERY_SECONDS = 0.1  # at most, for one org
LATE_SECONDS = 1.0  # for so long an org stays fresh after an announced change, while it is read
WATCHED_SECONDS = 60.0  # after the last poll an org is dropped
BEATS_WATCHED = 1.5  # or, where that is longer, after so many heartbeats are due
READ_TIMEOUT_SECONDS = 3.0  # for so long no read at all may end
# At a time: most of a read is waiting, for the database and for the interpreter's lock.
READERS = 4


class NotFresh(Exception):
    """Memory can't vouch for an org.

    :ivar since: a read would do that begins then or later, by ``time.monotonic()``
    """

    def __init__(self, org_id: UUID, since: float) -> None:
        super().__init__()
        self.org_id = org_id
        self.since = since


class Unavailable(Exception):
    """The database did not answer in time."""


class CachedOrg:
    """What is known of an org, and for how long it is fresh. Times are ``time.monotonic()``'s.

    :ivar announced_until: what ``fresh_until`` will be after the read that is going on: ``inf``
        where no change was announced since it began
    :ivar fresh_until: ``inf`` after a read, soon after an announced change, 0 where the feed may
        have missed one. After that only a read just made vouches for ``state``.
    :ivar read_at: when the last read that succeeded began
    """

    __slots__ = (
        "announced_until",
        "fresh_until",
        "id",
        "polled_at",
        "read_at",
        "reading",
        "state",
        "tried_at",
        "waiters",
    )

    def __init__(self, id_: UUID, now: float) -> None:
        self.id = id_
        self.state: OrgState | None = None
        self.fresh_until = 0.0
        self.read_at = 0.0
        self.tried_at = 0.0
        self.polled_at = now
        self.announced_until = inf
        self.reading: asyncio.Task[bool] | None = None
        self.waiters = Waiters()

    def release(self, views: Iterable[View]) -> None:
        """End the waiting for a change of these views."""
        self.waiters.release(views)


class WatchCache:
    """The orgs being polled, the few threads that read them, and the feed's lease.

    :ivar lease_until: until then, what the feed has not announced has not changed
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self.orgs: dict[UUID, CachedOrg] = {}
        self.lease_until = 0.0
        self._database = database
        self._settings = settings
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._turns = asyncio.Semaphore(READERS)
        self._answered_at = 0.0  # when a read last ended

    def is_fresh(self, org: CachedOrg, now: float) -> bool:
        """Whether the org may be answered for from memory."""
        is_vouched_for = now < self.lease_until and now < org.fresh_until
        return is_vouched_for or org.read_at >= now - READ_EVERY_SECONDS

    def fresh(self, org_id: UUID, now: float) -> CachedOrg:
        """The org, which is being polled.

        :raises NotFresh: it has to be read first
        """
        org = self.orgs.get(org_id)
        if org is None or not self.is_fresh(org, now):
            raise NotFresh(org_id, since=now - READ_EVERY_SECONDS)
        org.polled_at = now
        return org

    async def read_fresh(self, org_id: UUID, *, since: float) -> CachedOrg:
        """Wait until the org is as fresh as a read finds it.

        :param since: the read must have begun then or later
        :raises Unavailable: it could not be read
        """
        now = monotonic()
        org = self.orgs.get(org_id)
        if org is None:
            org = self.orgs[org_id] = CachedOrg(org_id, now)
        org.polled_at = now
        while org.read_at < since:
            reading = self._read_soon(org)
            while not reading.done():
                # Reads that wait for their turn do not mean that the database is away.
                left = max(now, self._answered_at) + READ_TIMEOUT_SECONDS - monotonic()
                if left <= 0:
                    raise Unavailable
                await asyncio.wait([reading], timeout=left)
            if not reading.result():
                raise Unavailable
        return org

    def has_member(self, org_id: UUID, user_id: UUID) -> bool:
        """Whether memory knows the user as a member of the org."""
        org = self.orgs.get(org_id)
        return org is not None and org.state is not None and user_id in org.state.by_user

    def watched(self) -> list[Watched]:
        """The orgs in memory."""
        return [
            Watched(
                org.id,
                versions=None if org.state is None else org.state.versions,
                is_being_read=org.reading is not None,
            )
            for org in self.orgs.values()
        ]

    def renew_lease(self, until: float) -> None:
        """The feed vouches for memory until then."""
        self.lease_until = max(self.lease_until, until)

    def invalidate(self, org_ids: Iterable[UUID]) -> None:
        """The feed announces that these orgs changed, at some time since it last renewed the lease.

        Their memory stays fresh for a moment, in which they are read.
        """
        fresh_until = min(monotonic(), self.lease_until) + LATE_SECONDS
        for org_id in org_ids:
            org = self.orgs.get(org_id)
            if org is not None:
                org.announced_until = min(org.announced_until, fresh_until)
                org.fresh_until = min(org.fresh_until, fresh_until)
                self._read_soon(org)

    def invalidate_all(self) -> None:
        """The feed may have missed something: no org is fresh before it has been read again."""
        for org in self.orgs.values():
            org.announced_until = org.fresh_until = 0.0
            self._read_soon(org)

    def judge_anew(self, org_ids: Iterable[UUID]) -> None:
        """Something other than these orgs has changed that their polls depend on: tokens' keys,
        or the orgs that people are in. No cached poll of them is fresh any more."""
        for org_id in org_ids:
            org = self.orgs.get(org_id)
            if org is not None and org.state is not None:
                org.state = replace(org.state, mark=object())
                org.release(VIEWS)

    def drop_unwatched(self) -> None:
        """Drop the orgs that nobody polls, and that no heartbeat came for."""
        watched = max(WATCHED_SECONDS, BEATS_WATCHED * self._settings.heartbeat_interval)
        oldest = monotonic() - watched
        for org in list(self.orgs.values()):
            if org.polled_at < oldest and not org.waiters and org.reading is None:
                org.state = None
                del self.orgs[org.id]

    def release_all(self) -> None:
        """Release all waiters: the server stops, or nothing vouches for memory."""
        for org in self.orgs.values():
            org.release(VIEWS)

    def close(self) -> None:
        """End the reading threads."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    def _read_soon(self, org: CachedOrg) -> "asyncio.Task[bool]":
        if org.reading is None:
            org.reading = asyncio.get_running_loop().create_task(self._read(org))
        return org.reading

    async def _read(self, org: CachedOrg) -> bool:
        """Read ``org`` once; False where the database did not answer."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(org.tried_at + READ_EVERY_SECONDS - monotonic())
            async with self._turns:  # what is announced until its turn, the read will find
                org.announced_until = inf
                org.tried_at = begun = monotonic()
                known = org.state
                state = await loop.run_in_executor(self._readers, self._load, org.id, known)
        except Exception as error:
            if org.waiters:  # a poller asks again by itself, a waiter does not
                loop.call_later(LATE_SECONDS, self._read_soon, org)
            if isinstance(error, SQLAlchemyError):
                return False
            raise
        finally:
            org.reading = None
        self._answered_at = monotonic()
        READS.observe(self._answered_at - begun)
        org.read_at = begun
        org.fresh_until = org.announced_until
        if org.announced_until < inf:
            self._read_soon(org)
        # What is unchanged may have been marked anew meanwhile: judge_anew().
        _install(org, org.state if state is known else state)
        return True

    def _load(self, org_id: UUID, known: OrgState | None) -> OrgState | None:
        try:
            return read(self._database, org_id, known, self._settings)
        except DBAPIError:
            # The first use of a connection after the database was away; the pool is new now.
            return read(self._database, org_id, known, self._settings)


def _install(org: CachedOrg, state: OrgState | None) -> None:
    before, org.state = org.state, state
    if before is state:
        return
    if before is None or state is None or before.members_version != state.members_version:
        org.release(VIEWS)
    else:
        org.release(
            view
            for view in VIEWS
            if before.rendered.snapshot.version_of(view) != state.rendered.snapshot.version_of(view)
        )
