"""The role that Presence serves as on PostgreSQL: it owns nothing, and may do its work only."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from models.base import Base

_EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
_LESS = {
    # What happened is written once; who it was is blanked by the owner's functions.
    "clock_events": "SELECT, INSERT",
    "audit_events": "SELECT, INSERT",
    # Commands make and erase orgs; people go by a function, which sees all orgs.
    "orgs": "SELECT, UPDATE",
    "users": "SELECT, INSERT, UPDATE",  # to lock them
}
_WITH_RIGHTS = text(
    "SELECT DISTINCT r.rolname FROM pg_class c CROSS JOIN aclexplode(c.relacl) a"
    " JOIN pg_roles r ON r.oid = a.grantee"
    " WHERE c.oid = to_regclass('clock_events') AND a.privilege_type = 'INSERT'"
    " AND a.grantee <> c.relowner ORDER BY r.rolname"
)


def found(connection: Connection) -> list[str]:
    """The roles that were given these rights."""
    return list(connection.scalars(_WITH_RIGHTS))


def grants(role: str, schema: str, tables: list[str], functions: list[str]) -> Iterator[str]:
    """Statements that give a role its rights, and take from it any other on tables.

    :param role: quoted
    """
    yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}"
    for table in tables:
        yield f"GRANT {rights_on(table)} ON {schema}.{table} TO {role}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
    for function in functions:
        yield f"GRANT EXECUTE ON FUNCTION {schema}.{function} TO {role}"


def rights_on(table: str) -> str:
    return _LESS.get(table, _EVERYTHING if table in Base.metadata.tables else "SELECT")
