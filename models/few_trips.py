"""A connection to PostgreSQL on which a transaction begins together with its first statement.

psycopg2 sends a ``BEGIN`` of its own, alone. Here it is in autocommit mode and sends none: what
:meth:`Connection.begin` is given waits for the first statement, and both travel as one string.
"""

from typing import Any

from psycopg2 import InternalError, extensions
from psycopg2.extensions import TRANSACTION_STATUS_IDLE as IDLE


class Connection(extensions.connection):
    """SQLAlchemy begins, commits and rolls back with it as with any other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.autocommit = True
        self.cursor_factory = Cursor
        self._waiting = ""

    def begin(self, statements: str) -> None:
        """Begin a transaction with ``statements``, of which the first is a ``BEGIN``."""
        self._waiting = statements

    def take_waiting(self) -> str:
        """What is to be sent before the next statement."""
        waiting, self._waiting = self._waiting, ""
        return waiting

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        self._waiting = ""  # a transaction without a statement has not begun
        if self.get_transaction_status() == IDLE:
            return
        with self.cursor() as cursor:
            cursor.execute(how)
            if cursor.statusmessage != how:
                raise InternalError("a statement had failed: PostgreSQL rolled back")


class Cursor(extensions.cursor):
    """Sends what waits together with the statement; the answer is the statement's."""

    connection: Connection

    def execute(self, query: Any, vars: Any = None) -> None:
        waiting = self.connection.take_waiting()
        if not waiting:
            super().execute(query, vars)
            return
        try:
            super().execute(waiting.encode() + b";" + self.mogrify(query, vars))
        except BaseException:
            # PostgreSQL parses the whole string first, and may have run nothing of it.
            if self.connection.get_transaction_status() == IDLE:
                self.connection.begin(waiting)
            raise

    def executemany(self, query: Any, vars_list: Any) -> None:
        if waiting := self.connection.take_waiting():
            super().execute(waiting)  # psycopg2 sends a statement for each set of parameters
        super().executemany(query, vars_list)
