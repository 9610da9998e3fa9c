"""In which orgs people are, for tokens of trusted issuers that leave it open.

Only the event loop's thread touches it. While such clients poll, one cheap query looks twice a
second whether any membership anywhere has changed; if so, all that memory knows here is read anew.
A poll whose org may be another one now is judged again.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from time import monotonic
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from feeds.feed import LEASE_SECONDS
from live.watch_cache import READ_EVERY_SECONDS, READ_TIMEOUT_SECONDS, Unavailable
from models.database import Database
from models.reach import NO_ORG
from services import orgs_of_users
from services.orgs_of_users import OrgOfUser

# design.md, "Memory"
LOOK_SECONDS = 0.5
KEPT_SECONDS = 300.0  # after the last time that somebody was judged by them
READ_USERS = 500  # in one query
MOST_USERS = 50_000  # about 1 KB each; the oldest goes first


class NotResolved(Exception):
    """Memory does not know a user's orgs.

    :ivar since: a read would do that begins then or later, by ``time.monotonic()``
    """

    def __init__(self, user_id: UUID, since: float) -> None:
        super().__init__()
        self.user_id = user_id
        self.since = since


class Known:
    """
    :ivar used_at: when somebody was last judged by them
    """

    __slots__ = ("orgs", "read_at", "used_at")

    def __init__(self, orgs: Sequence[OrgOfUser], read_at: float, used_at: float) -> None:
        self.orgs = orgs
        self.read_at = read_at
        self.used_at = used_at


class UserOrgs:
    """
    :param judge_anew: told of orgs of which some viewers may be in another one now
    """

    def __init__(self, database: Database, judge_anew: Callable[[Iterable[UUID]], None]) -> None:
        self._database = database
        self._judge_anew = judge_anew
        self._known: dict[UUID, Known] = {}
        self._wanted: dict[UUID, asyncio.Future[None]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="user-orgs")
        self._mark: object = None  # None: nothing is looked at, so nothing vouches
        self._vouched_until = 0.0
        self._kept_since = 0.0

    def of(self, user_id: UUID, since: float) -> Sequence[OrgOfUser]:
        """The orgs of a user.

        :param since: a read from then on is right, whatever vouches for an earlier one
        :raises NotResolved: they have to be read first
        """
        known, now = self._known.get(user_id), monotonic()
        if known is None or (known.read_at < since and now >= self._vouched_until):
            raise NotResolved(user_id, since)
        known.used_at = now
        return known.orgs

    def final(self, user_id: UUID, since: float) -> Sequence[OrgOfUser]:
        """The orgs of a user by a read that began at ``since`` or later.

        :raises NotResolved: they have to be read first
        """
        known = self._known.get(user_id)
        if known is None or known.read_at < since:
            raise NotResolved(user_id, since)
        return known.orgs

    async def read(self, missing: NotResolved) -> None:
        """Wait until a user's orgs have been read.

        :raises Unavailable: the database did not answer
        """
        loop = asyncio.get_running_loop()
        wanted = self._wanted.get(missing.user_id)
        if wanted is None:
            wanted = self._wanted[missing.user_id] = loop.create_future()
        if self._reading is None:
            self._reading = loop.create_task(self._read_wanted())
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                await asyncio.shield(wanted)
        except (TimeoutError, SQLAlchemyError):
            raise Unavailable from None

    async def look(self) -> None:
        """Follow changes of memberships, once."""
        if not self._known:
            self._mark = None
            return
        begun, loop = monotonic(), asyncio.get_running_loop()
        self._drop_unused(begun)
        try:
            async with asyncio.timeout(LEASE_SECONDS):
                mark = await loop.run_in_executor(self._thread, self._read_mark)
                if mark != self._mark:
                    await self._read_anew(list(self._known))
        except (SQLAlchemyError, TimeoutError):
            if monotonic() >= self._vouched_until:
                self._forget(list(self._known))
            return
        self._mark = mark
        self._vouched_until = begun + LEASE_SECONDS

    def close(self) -> None:
        """End the reading thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _read_wanted(self) -> None:
        try:
            while self._wanted:
                await asyncio.sleep(READ_EVERY_SECONDS / 2)  # more may want theirs
                some = list(islice(self._wanted, READ_USERS))
                taken = {id_: self._wanted.pop(id_) for id_ in some}
                try:
                    await self._read_anew(list(taken))
                except Exception as error:
                    for wanted in taken.values():
                        wanted.set_exception(error)
                        wanted.exception()  # perhaps nobody waits any more
                    continue
                for wanted in taken.values():
                    wanted.set_result(None)
        finally:
            self._reading = None

    async def _read_anew(self, user_ids: Sequence[UUID]) -> None:
        loop = asyncio.get_running_loop()
        for start in range(0, len(user_ids), READ_USERS):
            some, begun = user_ids[start : start + READ_USERS], monotonic()
            found = await loop.run_in_executor(self._thread, self._find, some)
            for id_ in some:
                orgs, before = found.get(id_, ()), self._known.pop(id_, None)
                if before is not None and before.orgs != orgs:
                    self._judge_anew([org.id for org in before.orgs])
                used_at = begun if before is None else before.used_at
                self._known[id_] = Known(orgs, begun, used_at)
        if len(self._known) > MOST_USERS:
            self._forget(list(islice(self._known, len(self._known) - MOST_USERS)))

    def _drop_unused(self, now: float) -> None:
        """Forget who has not been judged since the last time, and have the others judged anew.

        A poll of the express lane asks nobody as long as nothing changes: it must be asked once
        between two times, or it would no longer be followed.
        """
        if now < self._kept_since + KEPT_SECONDS:
            return
        since = self._kept_since
        self._forget([id_ for id_, known in self._known.items() if known.used_at < since])
        self._judge_anew({org.id for known in self._known.values() for org in known.orgs})
        self._kept_since = now

    def _forget(self, user_ids: Iterable[UUID]) -> None:
        for id_ in user_ids:
            known = self._known.pop(id_)
            self._judge_anew([org.id for org in known.orgs])

    def _find(self, user_ids: Sequence[UUID]) -> dict[UUID, list[OrgOfUser]]:
        with self._database.read(NO_ORG) as session:
            return orgs_of_users.find(session, user_ids)

    def _read_mark(self) -> object:
        with self._database.read(NO_ORG) as session:
            return orgs_of_users.memberships_mark(session)
