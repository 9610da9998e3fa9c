"""Whether the database is as the service needs it; a state is ``ok``, or what is wrong."""

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database
from models.migrations import current_revision, head_revision, is_behind
from models.privileges import open_to_others
from models.reach import NO_ORG


def of_database(database: Database) -> dict[str, str]:
    """The states of the database, its migrations and its privileges."""
    try:
        with database.read(NO_ORG) as session:
            connection = session.connection()
            migrations, privileges = _migrations(connection), _privileges(connection)
    except SQLAlchemyError:
        return {"database": "unreachable", "migrations": "unknown", "privileges": "unknown"}
    return {"database": "ok", "migrations": migrations, "privileges": privileges}


def _migrations(connection: Connection) -> str:
    at = current_revision(connection)
    return f"at {at}, not {head_revision()}" if is_behind(at) else "ok"


def _privileges(connection: Connection) -> str:
    names = open_to_others(connection)
    return f"open to others: {', '.join(names)}" if names else "ok"
