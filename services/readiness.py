"""Whether the database is as the service needs it; a state is ``ok``, or what is wrong."""

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database
from models.migrations import current_revision, head_revision, is_behind
from models.privileges import open_to_others
from models.reach import NO_ORG
from models.row_security import has_functions


def of_database(database: Database) -> dict[str, str]:
    """Whether it can be reached, and the states of its parts."""
    try:
        with database.read(NO_ORG) as session:
            return states(session.connection())
    except SQLAlchemyError:
        return dict.fromkeys(PARTS, "unknown") | {"database": "unreachable"}


def states(connection: Connection) -> dict[str, str]:
    """Of a database that can be reached."""
    return {part: state_of(connection) for part, state_of in PARTS.items()}


def _database(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return "ok"
    return "read-only" if connection.scalar(_IS_READ_ONLY) else "ok"


def _migrations(connection: Connection) -> str:
    at = current_revision(connection)
    if is_behind(at):
        return f"at {at}, not {head_revision()}"
    return "ok" if has_functions(connection) else "without functions of this release"


def _privileges(connection: Connection) -> str:
    names = open_to_others(connection)
    return f"open to others: {', '.join(names)}" if names else "ok"


_IS_READ_ONLY = text(
    "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean"
)
PARTS = {"database": _database, "migrations": _migrations, "privileges": _privileges}
