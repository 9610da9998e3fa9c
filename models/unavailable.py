"""Whether an error says that the database can't answer now, and not that we are at fault."""

from psycopg2.errorcodes import READ_ONLY_SQL_TRANSACTION
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


def is_unavailable(error: Exception) -> bool:
    """It is gone, restarting or read-only, or it was a lock, statement, busy or pool timeout."""
    if isinstance(error, PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and (
        isinstance(error, OperationalError | InterfaceError)
        or error.connection_invalidated
        or getattr(error.orig, "pgcode", None) == READ_ONLY_SQL_TRANSACTION
    )
