"""The engine, and the two kinds of transaction: ``read()`` and ``write()``.

docs/design.md, "Database", explains the rules.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from math import ceil, inf
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

import private
from models import compute_lock, few_trips
from models import schema as schema_module
from models.reach import EVERY_ORG, NO_ORG, ORG_SETTING, Reach, value_of
from settings import Settings

# design.md, "Database": a request waits this long for a lock, and a statement runs this long.
LOCK_TIMEOUT_SECONDS = 4
STATEMENT_TIMEOUT_SECONDS = 5

LEAST_SECONDS = 0.1  # also for who has no time left: most locks are free

# How a transaction that reads begins, and one that writes.
_SQLITE_BEGINS = ("BEGIN", "BEGIN IMMEDIATE")
_POSTGRESQL_BEGINS = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "BEGIN ISOLATION LEVEL READ COMMITTED",
)
_BEGIN = "presence_begin"  # the execution option that says which
_PATIENCE = "presence_patience"  # the one that has a Patience, in times of time.monotonic()
_AFTER_COMMIT = "presence_after_commit"  # of a session's info


class Patience(NamedTuple):
    """How many seconds a transaction may take, if that is less than the limits above.

    :ivar for_locks: to wait for a lock
    :ivar for_statements: for a statement. One that waits behind others for the lock of a row waits
        twice: for them, and for who has it
    """

    for_locks: float = inf
    for_statements: float = inf


ENDLESS = Patience()


class CommittedRefusal(Exception):
    """A refusal whose transaction commits all the same."""


class Database:
    """One database, SQLite or PostgreSQL, as the services see it."""

    def __init__(self, settings: Settings) -> None:
        self.is_sqlite = settings.database_url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(settings) if self.is_sqlite else _postgresql_engine(settings)
        begins = _SQLITE_BEGINS if self.is_sqlite else _POSTGRESQL_BEGINS
        self._reading, self._writing = (
            self.engine.execution_options(**{_BEGIN: begin}) for begin in begins
        )
        self._one_writer = threading.Lock() if self.is_sqlite else None

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def read(self, org: UUID | Reach) -> Iterator[Session]:
        """A read-only transaction that sees one state of the database.

        :param org: whose rows it sees, on PostgreSQL; SQLite always shows everything
        """
        with Session(self._reading) as session:
            session.connection(execution_options={ORG_SETTING: org})
            yield session

    @contextmanager
    def write(self, org: UUID | Reach, patience: Patience = ENDLESS) -> Iterator[Session]:
        """A transaction that commits at its end and at a :class:`CommittedRefusal`, and rolls back
        at any other exception.

        :param org: whose rows it sees and may change, on PostgreSQL
        """
        until = _until(patience)
        with self._turn(until), Session(self._writing, expire_on_commit=False) as session:
            session.connection(execution_options={ORG_SETTING: org, _PATIENCE: until})
            try:
                yield session
            except CommittedRefusal:
                _commit(session)
                raise
            _commit(session)

    def limit(self, session: Session, patience: Patience) -> None:
        """Limit a transaction that has begun. That costs no round trip."""
        if not self.is_sqlite and patience.for_locks < LOCK_TIMEOUT_SECONDS:
            _sent_on(session.connection()).wait(_limits(_until(patience)).encode())

    def _turn(self, until: Patience) -> AbstractContextManager[Any]:
        """Let the threads of one process queue for SQLite's one writer.

        This is fairer than its busy handler: with many writers the p99 is 50 ms instead of 1 s.
        """
        return _held(self._one_writer, until.for_locks) if self._one_writer else nullcontext()


def after_commit(session: Session, tell: Callable[[], object]) -> None:
    """Have ``tell`` called once the transaction has committed, and not at all where it does not.

    :param session: of :meth:`Database.write`
    """
    session.info.setdefault(_AFTER_COMMIT, []).append(tell)


def _commit(session: Session) -> None:
    session.commit()
    for tell in session.info.get(_AFTER_COMMIT, ()):
        tell()


@contextmanager
def _held(lock: threading.Lock, until: float) -> Iterator[None]:
    with compute_lock.released():
        has_turn = lock.acquire(timeout=_milliseconds_left(until) / 1000)
    if not has_turn:
        raise PoolTimeout("no turn to write")
    try:
        yield
    finally:
        lock.release()


def _sqlite_engine(settings: Settings) -> Engine:
    url = settings.database_url
    engine = create_engine(url, hide_parameters=True, **_pool(settings))
    path, is_private, making = _sqlite_file(url), False, threading.Lock()

    @event.listens_for(engine, "do_connect")
    def keep_private(*_: object) -> None:
        nonlocal is_private
        with making:
            if not is_private:
                _keep_private(path)
            is_private = True

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # The driver opens no transaction for a SELECT, so `begin` below opens every transaction.
        connection.isolation_level = None
        for pragma in (
            "synchronous = NORMAL",
            "foreign_keys = ON",
            "secure_delete = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        _use_wal(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver = cast(sqlite3.Connection, connection.connection.dbapi_connection)
        driver.execute(
            f"PRAGMA busy_timeout = {_milliseconds_left(_until_of(connection).for_locks)}"
        )
        with compute_lock.released():  # another process may be writing
            connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))

    return engine


def _sqlite_file(url: URL) -> Path:
    database = url.database or ""
    return Path(unquote(urlsplit(database).path) if database.startswith("file:") else database)


def _keep_private(path: Path) -> None:
    """SQLite gives its other files the mode of the database file."""
    with suppress(OSError):  # SQLite then reports the error itself
        if not path.exists():
            private.make_file(path)
    for suffix in ("", "-wal", "-shm", "-journal"):
        private.tighten(path.with_name(path.name + suffix))


def _use_wal(connection: sqlite3.Connection) -> None:
    """Let readers and the writer not wait for each other. The file keeps this mode."""
    give_up = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            # Another process is switching a new file to WAL; the busy handler does not apply here.
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _postgresql_engine(settings: Settings) -> Engine:
    engine = create_engine(
        settings.database_url,
        hide_parameters=True,
        execution_options={schema_module.OPTION: settings.db_schema},
        **_pool(settings),
        connect_args={
            "connect_timeout": STATEMENT_TIMEOUT_SECONDS,
            "tcp_user_timeout": 2 * STATEMENT_TIMEOUT_SECONDS * 1000,
            "application_name": "presence",
            "connection_factory": few_trips.Connection,
        },
    )
    # In each transaction, not once a connection: a transaction pooler refuses start-up options,
    # and hands each transaction to another connection. Others' tables in `public` are never
    # searched, nor, before ours, is what a session made for itself.
    first = f'SET LOCAL search_path TO "{settings.db_schema}", pg_temp'
    quote = engine.dialect.identifier_preparer.quote_identifier
    switch = f";SET LOCAL ROLE {quote(settings.db_role)}" if settings.db_role else ""

    few_trips.listen(engine)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        org = options.get(ORG_SETTING, NO_ORG)
        become = "" if org is EVERY_ORG else switch  # commands stay what they are: the owner
        limits = _limits(_until_of(connection))
        _sent_on(connection).begin(
            f"{options.get(_BEGIN, 'BEGIN')};{limits};{first}{become};"
            f"SELECT set_config('{ORG_SETTING}', {value_of(org)}, true)"
        )

    return engine


def _sent_on(connection: Connection) -> few_trips.Connection:
    return cast(few_trips.Connection, connection.connection.dbapi_connection)


def _limits(until: Patience) -> str:
    return (
        f"SET LOCAL lock_timeout = '{_milliseconds_left(until.for_locks)}ms';"
        f"SET LOCAL statement_timeout = '{_milliseconds_left(until.for_statements)}ms'"
    )


def _until(patience: Patience) -> Patience:
    now = monotonic()
    return Patience(
        now + min(patience.for_locks, LOCK_TIMEOUT_SECONDS),
        now + min(patience.for_statements, STATEMENT_TIMEOUT_SECONDS),
    )


def _until_of(connection: Connection) -> Patience:
    known: Patience | None = connection.get_execution_options().get(_PATIENCE)
    return _until(ENDLESS) if known is None else known


def _milliseconds_left(until: float) -> int:
    return ceil(max(LEAST_SECONDS, until - monotonic()) * 1000)


def _pool(settings: Settings) -> dict[str, int]:
    size = settings.db_connections - 1  # LISTEN has one of its own
    return {"pool_size": size, "max_overflow": 0, "pool_timeout": LOCK_TIMEOUT_SECONDS}
