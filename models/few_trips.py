"""A connection to PostgreSQL that sends several statements as one string, in one round trip.

psycopg2 sends a ``BEGIN`` of its own, alone. Here it is in autocommit mode and sends none: what
:meth:`Connection.begin` is given waits for the first statement. So do the statements that
:func:`later` is given; they wait for the next one, or for ``COMMIT``.
"""

import select
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from psycopg2 import Error, InternalError, extensions
from psycopg2.extensions import TRANSACTION_STATUS_IDLE as IDLE
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session
from sqlalchemy.sql import Executable

from models import compute_lock

_LATER = "presence_later"  # an execution option


def later(
    session: Session,
    statement: Executable,
    values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Run a statement whose answer nobody needs, in its order but without a round trip.

    What goes wrong with it is raised by the next statement, or by the commit. SQLite, to which
    there is no way to travel, runs it at once. Objects of the session do not change with it.

    :param statement: an INSERT is ``inline()``: it would otherwise ask for the number of its row
    """
    session.flush()
    session.connection().execute(statement, values, execution_options={_LATER: True})


def listen(engine: Engine) -> None:
    """Let :func:`later` work on this engine, whose connections are those below, and replace those
    that PostgreSQL has ended."""

    @event.listens_for(engine, "checkout")
    def replace(connection: "Connection", *_: object) -> None:
        if connection.has_been_ended:
            raise DisconnectionError  # the pool then connects anew

    @event.listens_for(engine, "do_execute")
    def keep(
        cursor: "Cursor", statement: str, parameters: Any, context: ExecutionContext
    ) -> bool | None:
        if not context.execution_options.get(_LATER):
            return None
        cursor.connection.wait(cursor.mogrify(statement, parameters))
        return True


class Connection(extensions.connection):
    """SQLAlchemy begins, commits and rolls back with it as with any other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.autocommit = True
        self.cursor_factory = Cursor
        self._waiting: list[bytes] = []

    def begin(self, statements: str) -> None:
        """Begin a transaction with ``statements``, of which the first is a ``BEGIN``."""
        self._waiting = [statements.encode()]

    def wait(self, *statements: bytes) -> None:
        """Keep ``statements`` until the next one is sent."""
        self._waiting += statements

    @property
    def has_been_ended(self) -> bool:
        """Whether PostgreSQL has closed the connection, which is idle; it costs no round trip.

        PostgreSQL sends nothing to an idle connection before it closes it: something to read is its
        end. What else a proxy might send costs a new connection.
        """
        readable = select.poll()  # select.select() ends at 1,024 descriptors
        readable.register(self.fileno(), select.POLLIN)
        return bool(readable.poll(0))

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def take_waiting(self) -> list[bytes]:
        """What is to be sent before the next statement."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def commit(self) -> None:
        try:
            self._end("COMMIT")
        except BaseException:
            # What waited for it failed. Whoever asked for it takes the transaction to be over.
            with suppress(Error):
                self.rollback()
            raise

    def rollback(self) -> None:
        self._waiting.clear()
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        if self.get_transaction_status() == IDLE and len(self._waiting) <= 1:
            self._waiting.clear()  # a BEGIN that no statement has followed
            return
        with self.cursor() as cursor:
            cursor.execute(how)
            if cursor.statusmessage != how:
                raise InternalError("a statement had failed: PostgreSQL rolled back")


class Cursor(extensions.cursor):
    """Sends what waits together with the statement; the answer is the statement's."""

    connection: Connection

    def execute(self, query: Any, vars: Any = None) -> None:
        if not self.connection.is_waiting:
            with compute_lock.released():
                super().execute(query, vars)
            return
        statement = self.mogrify(query, vars)
        waiting = self.connection.take_waiting()
        try:
            with compute_lock.released():
                super().execute(b";".join((*waiting, statement)))
        except BaseException:
            # PostgreSQL parses the whole string first, and may have run nothing of it.
            if self.connection.get_transaction_status() == IDLE:
                self.connection.wait(*waiting)
            raise

    def executemany(self, query: Any, vars_list: Any) -> None:
        if self.connection.is_waiting:  # psycopg2 sends a statement for each set of parameters
            super().execute(b";".join(self.connection.take_waiting()))
        with compute_lock.released():
            super().executemany(query, vars_list)
