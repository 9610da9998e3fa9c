"""The feed of PostgreSQL: NOTIFY in the writing transaction, one listening connection a process."""

import asyncio
import logging
import random
import select
import threading
from collections.abc import Callable
from contextlib import closing
from functools import lru_cache
from time import monotonic
from uuid import UUID, uuid4

import psycopg2
from psycopg2.extensions import Notify
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class, by its name
from sqlalchemy import ColumnElement, String, cast, func, literal_column
from sqlalchemy import select as select_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from feeds.feed import LEASE_SECONDS, Cache, Feed
from models import Org
from models.database import Database
from models.reach import NO_ORG
from models.schema import channel_of
from settings import Settings

# design.md, "Memory"
PROOF_SECONDS = 0.5
TEST_SECONDS = 3.0
RETRY_SECONDS = (0.2, 5.0)  # the first and the longest time between two tries to listen
LOST_RETRY_SECONDS = 60.0

log = logging.getLogger("presence.feed")


class NotificationsLost(Exception):
    """A notification did not arrive: something between here and PostgreSQL swallows them."""


class Notifications(Feed):
    """Hears NOTIFY on a connection and in a thread of its own.

    It renews the lease with proofs: notifications that it sends to itself. PostgreSQL delivers in
    the order of commits, so a proof that arrives vouches for all before it.
    """

    kind = "listen"

    def __init__(self, database: Database, settings: Settings) -> None:
        self._url = settings.listen_dsn
        self._database = database
        self._channel = channel_of(database.engine)
        self._proofs = f"{self._channel}_{uuid4().hex}"
        self._others: dict[str, Callable[[str], None]] = {}
        self._stop = threading.Event()
        self._are_lost = False
        self._alive_until = 0.0

    @staticmethod
    def suits(dialect: str) -> bool:
        return dialect == "postgresql"

    @staticmethod
    def announce(session: Session, org_id: UUID) -> ColumnElement[None] | None:
        return _notify(channel_of(session.get_bind()))

    @property
    def is_alive(self) -> bool:
        # Not where PostgreSQL has fallen silent.
        return monotonic() < self._alive_until

    def also_hear(self, channel: str, act: Callable[[str], None]) -> None:
        self._others[channel] = act

    async def hear(self, cache: Cache, is_needed: Callable[[], bool]) -> None:
        self._cache, self._loop = cache, asyncio.get_running_loop()
        threading.Thread(target=self._run, name="listener", daemon=True).start()
        try:
            await asyncio.Event().wait()
        finally:
            self._stop.set()  # it ends within a proof's time

    def _run(self) -> None:
        wait = RETRY_SECONDS[0]
        while not self._stop.is_set():
            try:
                with closing(self._connected()) as connection:
                    self._test(connection)
                    wait = RETRY_SECONDS[0]
                    self._hear(connection)
            except NotificationsLost:
                if not self._are_lost:
                    log.warning(
                        "Notifications do not arrive: is there a transaction pooler? Changes are "
                        "polled for instead. Set PRESENCE_LISTEN_URL to PostgreSQL's own address."
                    )
                self._are_lost = True
                wait = LOST_RETRY_SECONDS
            except (psycopg2.Error, SQLAlchemyError, OSError) as error:
                log.warning("The change feed was lost: %s", type(error).__name__)
                wait = min(2 * wait, RETRY_SECONDS[1])
            except Exception:
                log.exception("The change feed failed")
                wait = RETRY_SECONDS[1]
            self._alive_until = 0.0
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
            # Not to changes yet: a pooler would keep the connection listening, for nobody.
            cursor.execute(f"LISTEN {self._proofs}")
        return connection

    def _test(self, connection: Connection) -> None:
        """Notify through another connection: through this one even a pooler may deliver.

        :raises NotificationsLost: it did not arrive
        """
        with self._database.write(NO_ORG) as session:
            session.execute(select_(func.pg_notify(self._proofs, "test")))
        give_up = monotonic() + TEST_SECONDS
        while not any(note.channel == self._proofs for note in _arrived(connection, 0.1)):
            if monotonic() > give_up:
                raise NotificationsLost

    def _hear(self, connection: Connection) -> None:
        with connection.cursor() as cursor:
            for channel in (self._channel, *self._others):
                cursor.execute(f"LISTEN {channel}")
        self._tell(self._cache.invalidate_all)
        if self._are_lost:
            log.info("Notifications arrive again.")
        self._are_lost = False
        while not self._stop.is_set():
            sent_at = monotonic()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", (self._proofs, str(sent_at)))
            while (left := sent_at + PROOF_SECONDS - monotonic()) > 0:
                self._heard(_arrived(connection, left))

    def _heard(self, notes: list[Notify]) -> None:
        changed = [
            id_ for note in notes if note.channel == self._channel and (id_ := _org_id(note))
        ]
        proofs = [float(note.payload) for note in notes if note.channel == self._proofs]
        for note in notes:
            if note.channel in self._others:
                self._others[note.channel](note.payload)
        if changed:
            self._tell(self._cache.invalidate, changed)
        if proofs:
            self._alive_until = proofs[-1] + LEASE_SECONDS
            self._tell(self._cache.renew_lease, self._alive_until)

    def _tell(self, act: Callable[..., None], *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *args)


def arrive(database: Database, settings: Settings) -> bool:
    """Whether notifications arrive here, and do not end at a transaction pooler.

    :raises psycopg2.Error: there is no way to listen
    """
    feed = Notifications(database, settings)
    try:
        with closing(feed._connected()) as connection:
            feed._test(connection)
    except NotificationsLost:
        return False
    return True


@lru_cache(maxsize=8)
def _notify(channel: str) -> ColumnElement[None]:
    """Delivered with the commit; as part of a statement it costs no round trip."""
    return func.pg_notify(literal_column(f"'{channel}'"), cast(Org.id, String))


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
