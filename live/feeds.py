"""Change feeds: how a process learns that an org changed, and how sure it may be of that.

A feed renews a lease: until it ends, what was not announced has not changed. On PostgreSQL a
:class:`Listener` hears NOTIFY. Everywhere else, and while the listener is not heard, the
:class:`Poller` compares versions.
"""

import asyncio
import logging
import random
import select
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import monotonic
from uuid import UUID, uuid4

import psycopg2
from psycopg2.extensions import Notify
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class, by its name
from sqlalchemy import func
from sqlalchemy import select as select_
from sqlalchemy.exc import SQLAlchemyError

from live.snapshots import Snapshots
from models import Org
from models.session import Database
from services.change import CHANNEL

# design.md, "Memory". A lease ends well before the 3 s after which contract.md calls a poll late.
LEASE_SECONDS = 2.0
POLL_SECONDS = 0.1
PROOF_SECONDS = 0.5
TEST_SECONDS = 3.0
RETRY_SECONDS = (0.2, 5.0)  # the first and the longest time between two tries to listen
SWALLOWED_RETRY_SECONDS = 60.0

log = logging.getLogger("presence.feed")

Versions = dict[UUID, tuple[int, int, int, int]]


class Swallowed(Exception):
    """A notification did not arrive: something between here and PostgreSQL keeps them."""


class Poller:
    """Compares the versions of the orgs in memory with the database's, every 100 ms."""

    def __init__(self, database: Database, snapshots: Snapshots) -> None:
        self._database = database
        self._snapshots = snapshots
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._counter = ChangeCounter(database) if database.is_sqlite else None

    async def run(self, is_needed: Callable[[], bool]) -> None:
        """Poll for as long as ``is_needed()`` says so, and wait while it does not."""
        while True:
            begun = monotonic()
            if is_needed():
                await self._poll(begun)
            await asyncio.sleep(begun + POLL_SECONDS - monotonic())

    def close(self) -> None:
        """End its thread and its connection."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._counter is not None:
            self._counter.close()

    async def _poll(self, begun: float) -> None:
        loop = asyncio.get_running_loop()
        ids = list(self._snapshots.orgs)
        try:
            # A look at the counter costs less than another thread's turn.
            if self._counter is None or self._counter.has_moved():
                self._compare(await loop.run_in_executor(self._thread, self._look, ids))
        except (SQLAlchemyError, sqlite3.Error):
            if self._counter is not None:
                self._counter.forget()  # what had moved was not read
            return  # the lease ends by itself
        self._snapshots.lease_until = begun + LEASE_SECONDS

    def _look(self, ids: list[UUID]) -> Versions:
        """The versions of the orgs."""
        if not ids:
            return {}
        columns = (Org.version, Org.va_version, Org.accounts_version, Org.members_version)
        with self._database.read() as session:
            rows = session.execute(select_(Org.id, *columns).where(Org.id.in_(ids)))
            return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}

    def _compare(self, found: Versions) -> None:
        changed = []
        for org in self._snapshots.orgs.values():
            if org.reading is not None:
                # What is being read may be of before the commit that moved SQLite's counter;
                # elsewhere the next look compares it.
                if self._counter is not None:
                    changed.append(org.id)
            elif org.loaded is not None and org.loaded.versions != found.get(org.id):
                changed.append(org.id)
        self._snapshots.changed(changed)


class ChangeCounter:
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
        """Let the next call say True."""
        self._seen = None

    def close(self) -> None:
        """Close its connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Listener:
    """Hears PostgreSQL's NOTIFY on a connection and in a thread of its own.

    It renews the lease with proofs: notifications that it sends to itself. PostgreSQL delivers in
    the order of commits, so a proof that arrives vouches for all before it.
    """

    def __init__(self, url: str, database: Database, snapshots: Snapshots) -> None:
        self._url = url
        self._database = database
        self._snapshots = snapshots
        self._proofs = f"{CHANNEL}_{uuid4().hex}"
        self._stop = threading.Event()
        self._swallowed = False
        self._heard_until = 0.0

    @property
    def is_heard(self) -> bool:
        """Whether what it hears can be relied on; not where PostgreSQL has fallen silent."""
        return monotonic() < self._heard_until

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen in the background, and tell ``loop``'s memory what is heard."""
        self._loop = loop
        threading.Thread(target=self._run, name="listener", daemon=True).start()

    def stop(self) -> None:
        """End within a proof's time."""
        self._stop.set()

    def _run(self) -> None:
        wait = RETRY_SECONDS[0]
        while not self._stop.is_set():
            try:
                with closing(self._connected()) as connection:
                    self._test(connection)
                    wait = RETRY_SECONDS[0]
                    self._hear(connection)
            except Swallowed:
                if not self._swallowed:
                    log.warning(
                        "Notifications do not arrive: is there a transaction pooler? Changes are "
                        "polled for instead. Set PRESENCE_LISTEN_URL to PostgreSQL's own address."
                    )
                self._swallowed = True
                wait = SWALLOWED_RETRY_SECONDS
            except (psycopg2.Error, SQLAlchemyError, OSError) as error:
                log.warning("The change feed was lost: %s", type(error).__name__)
                wait = min(2 * wait, RETRY_SECONDS[1])
            self._heard_until = 0.0
            self._stop.wait(random.uniform(wait / 2, wait))  # noqa: S311 - jitter, no secret

    def _connected(self) -> Connection:
        connection = psycopg2.connect(
            self._url,
            connect_timeout=5,
            tcp_user_timeout=5000,
            application_name="presence listener",
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            # Not to the changes yet: a pooler's connection would go on listening, for nobody.
            cursor.execute(f"LISTEN {self._proofs}")
        return connection

    def _test(self, connection: Connection) -> None:
        """Notify through another connection: through this one even a pooler may deliver.

        :raises Swallowed: it did not arrive
        """
        with self._database.write() as session:
            session.execute(select_(func.pg_notify(self._proofs, "test")))
        give_up = monotonic() + TEST_SECONDS
        while not any(note.channel == self._proofs for note in _arrived(connection, 0.1)):
            if monotonic() > give_up:
                raise Swallowed

    def _hear(self, connection: Connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        self._tell(self._snapshots.missed)
        if self._swallowed:
            log.info("Notifications arrive again.")
        self._swallowed = False
        while not self._stop.is_set():
            sent_at = monotonic()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", (self._proofs, str(sent_at)))
            while (left := sent_at + PROOF_SECONDS - monotonic()) > 0:
                self._heard(_arrived(connection, left))

    def _heard(self, notes: list[Notify]) -> None:
        changed = [id_ for note in notes if note.channel == CHANNEL and (id_ := _org_id(note))]
        proofs = [float(note.payload) for note in notes if note.channel == self._proofs]
        if changed:
            self._tell(self._snapshots.changed, changed)
        if proofs:
            self._heard_until = proofs[-1] + LEASE_SECONDS
            self._tell(self._renew, self._heard_until)

    def _renew(self, until: float) -> None:
        self._snapshots.lease_until = max(self._snapshots.lease_until, until)

    def _tell(self, act: Callable[..., None], *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *args)


def _org_id(note: Notify) -> UUID | None:
    """The org that changed; None where somebody else uses the channel."""
    try:
        return UUID(note.payload)
    except ValueError:
        return None


def _arrived(connection: Connection, timeout_seconds: float) -> list[Notify]:
    """The notifications that have come, after waiting for one."""
    if not connection.notifies:
        # Not select.select(), which takes no descriptor from 1024 on: clients may have those.
        arriving = select.poll()
        arriving.register(connection, select.POLLIN)
        arriving.poll(timeout_seconds * 1000)
        connection.poll()
    notes, connection.notifies[:] = list(connection.notifies), []
    return notes
