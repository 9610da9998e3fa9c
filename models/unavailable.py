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


def cause_of(error: Exception) -> dict[str, str | None]:
    """What the log says of an error: names and codes, never its text, which may quote values."""
    what = error.orig if isinstance(error, DBAPIError) else error
    return {
        "cause": getattr(what, "sqlite_errorname", type(what).__name__),
        "sqlstate": getattr(what, "pgcode", None),
    }
