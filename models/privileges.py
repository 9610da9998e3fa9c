"""Nobody but its owner and the service's role may use anything in Presence's schema.

Platforms grant the tables that are made in a database to the roles of their API by default, and
with them to everyone who has the key that stands in every page. So rights are taken away, not just
not given.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from models.db_role import THAT_SERVE
from models.schema import schema_of

_GRANTS_TO_OTHERS = text(f"""
SELECT kind, object, name,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee,
    pg_has_role(owner, 'USAGE') AS is_ours
FROM (
    SELECT 'SCHEMA' AS kind, quote_ident(nspname) AS object, 'the schema' AS name, nspname,
        nspowner AS owner, a.grantee
    FROM pg_namespace, aclexplode(nspacl) a
    UNION
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text,
        c.relname, nspname, c.relowner, a.grantee
    FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
    LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attacl IS NOT NULL,
        aclexplode(c.relacl || t.attacl) a
    UNION
    SELECT 'ROUTINE', p.oid::regprocedure::text, p.proname, nspname, p.proowner, a.grantee
    FROM pg_namespace n JOIN pg_proc p ON p.pronamespace = n.oid,
        aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
) AS granted
WHERE nspname = :schema AND grantee <> owner AND grantee NOT IN ({THAT_SERVE})
    AND grantee NOT IN (  -- the tables' owner, in a schema that an admin made
        SELECT relowner FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(:schema))
    )
ORDER BY name, grantee
""")  # noqa: S608 - a constant


def open_to_others(connection: Connection) -> list[str]:
    """The names of the tables, and of whatever else is in the schema, that others may use."""
    return sorted({grant.name for grant in _grants_to_others(connection)})


def close(connection: Connection) -> None:
    """Take from others what was granted to them."""
    for grant in _grants_to_others(connection):
        if grant.is_ours:
            connection.exec_driver_sql(
                f"REVOKE ALL ON {grant.kind} {grant.object} FROM {grant.grantee} CASCADE"
            )


def _grants_to_others(connection: Connection) -> Sequence[Row[Any]]:
    if connection.dialect.name == "sqlite":
        return []  # its file is its owner's alone
    return connection.execute(_GRANTS_TO_OTHERS, {"schema": schema_of(connection)}).all()
