"""The role that Presence serves as on PostgreSQL: it owns nothing, and may do its work only."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from models.base import Base
from models.schema import schema_of
from models.schema_setup import VERSION_TABLE

_EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
_RIGHTS = dict.fromkeys(Base.metadata.tables, _EVERYTHING) | {
    VERSION_TABLE: ("SELECT",),
    # What happened is written once; who it was is blanked by the owner's functions.
    "clock_events": ("SELECT", "INSERT"),
    "audit_events": ("SELECT", "INSERT"),
    # Commands erase orgs. People go by a function, which sees all orgs; UPDATE locks them.
    "orgs": ("SELECT", "INSERT", "UPDATE"),
    "users": ("SELECT", "INSERT", "UPDATE"),
}
# Those of a platform's API, which anyone on the internet is.
OF_AN_API = ("anon", "authenticated", "service_role")
# Those that were given the rights, by their mark: they may change orgs, but only add to the
# history. What a platform grants by default is the same for every table, so nobody else looks like
# that; and the roles of an API never are it.
THAT_SERVE = f"""
    SELECT a.grantee FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = to_regnamespace(quote_ident(:schema))
        AND c.relname IN ('orgs', 'clock_events') AND a.grantee <> 0 AND a.grantee <> c.relowner
        AND a.grantee::regrole::text NOT IN {OF_AN_API}
    GROUP BY a.grantee
    HAVING bool_or(c.relname = 'orgs' AND a.privilege_type = 'UPDATE')
        AND bool_or(c.relname = 'clock_events' AND a.privilege_type = 'INSERT')
        AND NOT bool_or(c.relname = 'clock_events' AND a.privilege_type NOT IN ('SELECT', 'INSERT'))
"""  # noqa: S608 - a constant
_NAMES = text(f"SELECT rolname FROM pg_roles WHERE oid IN ({THAT_SERVE})")  # noqa: S608
_LACKING = text(
    "SELECT DISTINCT t.name FROM unnest(:tables, :rights) t (name, needed)"
    " JOIN pg_class c ON c.relname = t.name"
    " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = :schema"
    " WHERE NOT has_schema_privilege(:role, n.oid, 'USAGE')"
    " OR NOT has_table_privilege(:role, c.oid, t.needed) ORDER BY t.name"
)


def found(connection: Connection) -> list[str]:
    """The roles that were given these rights."""
    return list(connection.scalars(_NAMES, {"schema": schema_of(connection)}))


def lacking(connection: Connection, role: str) -> list[str]:
    """The tables on which ``role`` has not all the rights that it needs."""
    pairs = [(table, right) for table, rights in _RIGHTS.items() for right in rights]
    tables, rights = zip(*pairs, strict=True)
    given = {"role": role, "schema": schema_of(connection)}
    return list(
        connection.scalars(_LACKING, {**given, "tables": list(tables), "rights": list(rights)})
    )


def grants(role: str, schema: str, tables: list[str], functions: list[str]) -> Iterator[str]:
    """Statements that give a role its rights, and take from it any other on tables.

    :param role: quoted, as is ``schema``
    """
    yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}"
    for table in tables:
        if table in _RIGHTS:
            yield f"GRANT {', '.join(_RIGHTS[table])} ON {schema}.{table} TO {role}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
    for function in functions:
        yield f"GRANT EXECUTE ON FUNCTION {schema}.{function} TO {role}"
