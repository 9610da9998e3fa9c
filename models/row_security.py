"""Who sees which rows on PostgreSQL: policies, the owner's functions, and the rights to serve.

All of it is derived from the tables, and made anew at the end of migrations, so that no new table
is forgotten. docs/design.md, "Database", says what it is for.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from sqlalchemy import Connection, Table, text

from models import across_orgs, db_role
from models.base import Base
from models.blanking import BLANKINGS
from models.clock_state import CLOCK_STATE
from models.reach import EVERY, SETTING
from models.schema import schema_of
from models.sign_in import SIGN_IN

FUNCTIONS = (*across_orgs.STATEMENTS, *BLANKINGS, CLOCK_STATE, SIGN_IN)

_IS_OF_ORG = f"nullif(nullif({SETTING}, ''), '{EVERY}')::uuid"
# Not `=`, of which the planner expects that few rows pass: it would read whole tables for them.
_ASKS_FOR_ALL = f"strpos({SETTING}, '{EVERY}') <> 0"


def is_applied(connection: Connection) -> bool:
    """Whether all of it is as this release wants it."""
    if connection.dialect.name == "sqlite":
        return True  # there is nothing to apply
    mark = connection.scalar(_COMMENT, {"function": _MARKED.signature})
    return bool(mark == _digest(connection)) and has_functions(connection)


def has_functions(connection: Connection) -> bool:
    """Whether the functions are there that this release calls."""
    if connection.dialect.name == "sqlite":
        return True  # it has none
    wanted = [each.signature for each in FUNCTIONS]
    return bool(connection.scalar(_ARE_THERE, {"functions": wanted}))


def apply(connection: Connection) -> None:
    """Make all of it: policies, for which every table is locked, functions and rights."""
    mark = f"COMMENT ON FUNCTION {_MARKED.signature} IS '{_digest(connection)}'"
    _run(connection, [*_wanted(connection), mark])
    for role in db_role.found(connection):
        grant(connection, role)


def grant(connection: Connection, role: str) -> None:
    """Give ``role`` the rights to serve, and take any other on tables from it."""
    _run(
        connection,
        db_role.grants(
            _quoted(connection, role),
            _quoted(connection, schema_of(connection)),
            _there(connection),
            [each.signature for each in FUNCTIONS],
        ),
    )


def is_org_scoped(table: Table) -> bool:
    """Whether its rows are of one org each. Those of the others tell of no org: ids of people, and
    counts by address or member."""
    return _org_column(table) is not None


_MARKED = across_orgs.ORG_OF_CODE
_COMMENT = text("SELECT obj_description(to_regprocedure(:function), 'pg_proc')")
_ARE_THERE = text("SELECT bool_and(to_regprocedure(f) IS NOT NULL) FROM unnest(:functions) f")
# Not current_user, who may be a superuser or a member of the owner: the functions stay the owner's.
_OWNER = text("SELECT relowner::regrole::text FROM pg_class WHERE oid = to_regclass('orgs')")
_TABLES = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    " AND relkind IN ('r', 'p') ORDER BY relname"
)


def _wanted(connection: Connection) -> Iterator[str]:
    there, schema = _there(connection), _quoted(connection, schema_of(connection))
    owner = connection.scalar(_OWNER)
    for table in Base.metadata.sorted_tables:
        if table.name in there and is_org_scoped(table):
            yield from _policies(table, owner)
    for function in FUNCTIONS:
        yield function.definition(schema)
        yield f"REVOKE ALL ON FUNCTION {function.signature} FROM PUBLIC"


def _policies(table: Table, owner: str) -> Iterator[str]:
    yield f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    for name, who, rows in (
        ("of_one_org", "PUBLIC", f"{_org_column(table)} = {_IS_OF_ORG}"),
        ("of_every_org", owner, _ASKS_FOR_ALL),
    ):
        yield f"DROP POLICY IF EXISTS {name} ON {table.name}"
        yield f"CREATE POLICY {name} ON {table.name} TO {who} USING ({rows})"


def _org_column(table: Table) -> str | None:
    if table.name == "orgs":
        return "id"
    return "org_id" if "org_id" in table.c else None


def _there(connection: Connection) -> list[str]:
    return list(connection.scalars(_TABLES))


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _digest(connection: Connection) -> str:
    """Of all statements, and of the tables on which servers have rights."""
    wanted = [*_wanted(connection), *_there(connection)]
    return sha256("\n".join(wanted).encode()).hexdigest()


def _run(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
