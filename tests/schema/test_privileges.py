"""Nobody but the owner and the service's role may use anything in the schema."""

from collections.abc import Iterator
from itertools import product
from uuid import uuid4

import psycopg2
import pytest

from tests.support.app_client import AppClient
from tests.support.commands import words
from tests.support.outside import app_on, query, tables_in
from tests.support.problems import assert_problem
from tests.support.supabase import CLASSIC, EVERYWHERE, Supabase, supabase

NOBODY = f"nobody_{uuid4().hex[:8]}"  # who was given nothing, and so has what PUBLIC has
ROLES = ("anon", "authenticated", "service_role", NOBODY)
STATEMENTS = {
    "select": "SELECT 1 FROM presence.{}",
    "insert": "INSERT INTO presence.{} DEFAULT VALUES",
    "update": "UPDATE presence.{} SET {} = DEFAULT",
    "delete": "DELETE FROM presence.{}",
    "truncate": "TRUNCATE presence.{} CASCADE",
}


@pytest.fixture(scope="module", params=[CLASSIC, EVERYWHERE])
def project(request: pytest.FixtureRequest, postgresql_server: str) -> Iterator[Supabase]:
    """Set up where the platform opens each new table to its API."""
    with supabase(postgresql_server, default_privileges=request.param) as project:
        query(project.admin_url, f"CREATE ROLE {NOBODY}")
        try:
            # Of no role that is known by its name, and not of everything.
            query(
                project.url,
                f"ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT ON TABLES TO {NOBODY}",
            )
            with app_on(project.url) as app:
                words(app, "setup")
            yield project
        finally:
            query(project.admin_url, f"DROP OWNED BY {NOBODY}")
            query(project.admin_url, f"DROP ROLE {NOBODY}")


def columns(project: Supabase) -> dict[str, str]:
    """A column of each table in the schema, as the catalogue has them."""
    found = query(
        project.admin_url,
        "SELECT relname, min(attname) FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
        " WHERE relnamespace = 'presence'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND attnum > 0 GROUP BY relname",
    )
    assert {name for name, _ in found} >= tables_in(project.admin_url, "presence")
    return dict(found)


def may(project: Supabase, role: str, statement: str) -> bool:
    try:
        query(project.admin_url, f"SET ROLE {role}; {statement}; ROLLBACK")
    except psycopg2.errors.InsufficientPrivilege:
        return False
    except psycopg2.Error:
        return True  # it was let in, and failed there
    return True


def test_others_may_do_nothing_with_any_table(project: Supabase) -> None:
    tables = columns(project)
    # Else the schema alone might be what holds them.
    query(project.admin_url, f"GRANT USAGE ON SCHEMA presence TO {', '.join(ROLES)}")
    allowed = [
        (role, name, table)
        for role, (name, statement), (table, column) in product(
            ROLES, STATEMENTS.items(), tables.items()
        )
        if may(project, role, statement.format(table, column))
    ]
    query(project.admin_url, f"REVOKE USAGE ON SCHEMA presence FROM {', '.join(ROLES)}")
    assert len(tables) > 10
    assert allowed == []


OPENINGS = {
    "GRANT SELECT ON presence.orgs TO anon": "orgs",
    "GRANT SELECT (name), UPDATE (name) ON presence.accounts TO PUBLIC": "accounts",
    "GRANT ALL ON SEQUENCE presence.clock_events_seq_seq TO anon": "clock_events_seq_seq",
    "GRANT SELECT, INSERT ON presence.clock_events TO authenticated": "clock_events",
    "GRANT SELECT, INSERT, UPDATE ON presence.clock_events TO service_role": "clock_events",
    "GRANT USAGE ON SCHEMA presence TO {}": "the schema",
    "CREATE TABLE presence.forgotten (id integer); GRANT ALL ON presence.forgotten TO PUBLIC": (
        "forgotten"
    ),
    "CREATE FUNCTION presence.tells() RETURNS text LANGUAGE sql AS $$ SELECT 'all' $$": ("tells"),
}


@pytest.mark.parametrize(("opening", "name"), OPENINGS.items())
def test_readyz_names_what_others_may_use_and_setup_closes_it(
    project: Supabase, opening: str, name: str
) -> None:
    query(project.url, opening.format(NOBODY))
    with app_on(project.url) as app:
        problem = assert_problem(AppClient(app).get("/readyz"), 503, "database_unavailable")
        assert problem["checks"]["privileges"] == f"open to others: {name}"
        words(app, "setup")
        answer = AppClient(app).get("/readyz")
    assert (answer.status_code, answer.json["checks"]["privileges"]) == (200, "ok")


def test_the_services_role_is_not_another(project: Supabase) -> None:
    rights = f"GRANT SELECT, INSERT ON presence.clock_events TO {NOBODY}"
    query(project.url, f"{rights}; GRANT UPDATE ON presence.orgs TO {NOBODY}")
    with app_on(project.url) as app:
        assert AppClient(app).get("/readyz").status_code == 200
    query(project.url, f"REVOKE ALL ON presence.clock_events FROM {NOBODY}")
    with app_on(project.url) as app:
        assert AppClient(app).get("/readyz").status_code == 503
        words(app, "setup")
