"""Making room for the tables: the schema on PostgreSQL, without touching what is another's."""

from alembic.util import CommandError
from sqlalchemy import Connection, TextClause, text

from models.schema import lock_key, schema_of

VERSION_TABLE = "presence_version"  # alembic_version is every application's

_EXISTS = text("SELECT true FROM pg_namespace WHERE nspname = :schema")
_OWNER = text(
    "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = to_regclass('orgs')"
)
_MAY_MAKE = text("SELECT has_database_privilege(current_database(), 'CREATE')")
_MAY_FILL = text("SELECT has_schema_privilege(:schema, 'CREATE')")
_TABLES = text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY c.relname"
)
# By these, tables are Presence's, of any of its releases. Other applications have orgs too.
_OURS = [
    "access_codes.digest",
    "account_presence.stale_since",
    "alembic_version.version_num",
    "memberships.token_generation",
    "orgs.accounts_version",
    "orgs.members_version",
    "orgs.va_version",
]
_FORMER_HOMES = text(
    "SELECT n.nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid"
    " JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE c.relname || '.' || a.attname = ANY(:ours) AND NOT a.attisdropped"
    " GROUP BY n.nspname HAVING count(*) = cardinality(:ours) ORDER BY n.nspname"
)


class NoRoom(CommandError):
    """The tables can't be made here; the message is one line and says what to do."""


def make_room(connection: Connection) -> None:
    """Make the schema where it is not there, and see that all in it is Presence's.

    One machine at a time: others wait until the transaction ends.

    :raises NoRoom: what is there is another's, or of a release that had no schema of its own, or
        the role may not make it
    """
    schema = schema_of(connection)
    lock = {"key": lock_key(connection, "migrate")}
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), lock)
    if connection.scalar(_EXISTS, {"schema": schema}):
        _require_own(connection, schema)
        # All is one owner's, also where an admin of the database migrates.
        owner = connection.scalar(_OWNER)
        if owner is not None:
            connection.exec_driver_sql(f"SET LOCAL ROLE {owner}")
    else:
        _require_no_former_home(connection, schema)
        _require_right(connection, _MAY_MAKE, f'CREATE SCHEMA "{schema}" AUTHORIZATION')
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))


def _require_own(connection: Connection, schema: str) -> None:
    tables = connection.scalars(_TABLES, {"schema": schema}).all()
    if tables and VERSION_TABLE not in tables:
        raise NoRoom(
            f'The schema "{schema}" has tables that Presence did not make: {", ".join(tables)}. '
            "Set PRESENCE_DB_SCHEMA to a schema of Presence's own."
        )
    _require_right(connection, _MAY_FILL, f'ALTER SCHEMA "{schema}" OWNER TO')


def _require_no_former_home(connection: Connection, schema: str) -> None:
    former = connection.scalars(_FORMER_HOMES, {"ours": _OURS}).first()
    if former is not None:
        raise NoRoom(
            f'The schema "{former}" has the tables of an earlier release of Presence. Move them to '
            f'the schema "{schema}": docs/operating.md, "Moving to a schema of its own". Or, to '
            f'begin anew beside them, run: CREATE SCHEMA "{schema}"'
        )


def _require_right(connection: Connection, right: TextClause, remedy: str) -> None:
    if not connection.scalar(right, {"schema": schema_of(connection)}):
        role = connection.scalar(text("SELECT quote_ident(current_user)"))
        raise NoRoom(
            f"The role {role} may not make Presence's schema or its tables. Have an admin of the "
            f"database run: {remedy} {role}"
        )
