"""PostgreSQL: all tables are in a schema of Presence's own, and nothing beside it is touched."""

import subprocess
import sysconfig
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InternalError

from dev_postgres import PostgresServer, own_postgres
from models import Base, migrations
from models.reach import EVERY_ORG
from models.schema_setup import VERSION_TABLE
from tests.support import ROOT
from tests.support.commands import refusal, words
from tests.support.databases import migrate, new_postgresql, opened
from tests.support.outside import app_on, query, tables_in
from tests.support.pgbouncer import Pgbouncer, running_pgbouncer
from tests.support.server import environment
from tests.support.settings import SECRET_KEY, settings_for
from tests.support.supabase import OWNER, supabase
from tests.support.world import World

OURS = {*Base.metadata.tables, VERSION_TABLE}

# An application's own, by another's design.
THEIR_PRESENCES = """
    CREATE TABLE account_presence (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        account_id uuid NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
        user_id uuid NOT NULL,
        membership_id uuid NOT NULL REFERENCES memberships (id) ON DELETE CASCADE,
        org_id uuid NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
        clocked_in_at timestamptz NOT NULL DEFAULT now(),
        last_heartbeat_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (user_id, org_id)
    )
"""
FAIL_AT_RATE_LIMITS = """
    CREATE FUNCTION fail() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity ~ 'rate_limits$'
        ) THEN
            RAISE EXCEPTION 'in the midst';
        END IF;
    END $$;
    CREATE EVENT TRIGGER fail ON ddl_command_end EXECUTE FUNCTION fail()
"""


@pytest.fixture
def url(postgresql_server: str) -> Iterator[str]:
    with new_postgresql(postgresql_server) as url:
        yield url


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with own_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def pooler(server: PostgresServer) -> Iterator[Pgbouncer]:
    with running_pgbouncer(server, users=["postgres", OWNER]) as pooler:
        yield pooler


def test_every_transaction_searches_the_schema_alone(url: str) -> None:
    # Neither the URL nor the role says otherwise.
    query(url, "CREATE SCHEMA elsewhere; ALTER ROLE CURRENT_USER SET search_path = elsewhere")
    options = {"options": "-csearch_path=elsewhere"}
    at = make_url(url).set(query=options).render_as_string(hide_password=False)
    try:
        with opened(settings_for(at, PRESENCE_DB_SCHEMA="ours")) as database:
            for transaction in (database.read, database.write):
                with transaction(EVERY_ORG) as session:
                    assert session.scalar(text("SHOW search_path")) == "ours, pg_temp"
        with app_on(at) as app:
            words(app, "setup")
    finally:
        query(url, "ALTER ROLE CURRENT_USER RESET search_path")
    assert (tables_in(url, "presence"), tables_in(url, "elsewhere")) == (OURS, set())


@pytest.mark.parametrize("way", ["directly", "through a pooler"])
@pytest.mark.parametrize("theirs", ["0003", "0000", "a1b2c3"])
def test_setup_beside_others_tables_touches_none(
    server: PostgresServer, request: pytest.FixtureRequest, theirs: str, way: str
) -> None:
    with supabase(server.url, alembic_version=theirs) as project:
        project.query(THEIR_PRESENCES)
        before = project.theirs()
        at = make_url(project.url)
        if way == "through a pooler":
            at = at.set(port=make_url(request.getfixturevalue("pooler").url).port)
        with app_on(at.render_as_string(hide_password=False)) as app:
            assert "Migrated" in words(app, "setup", "--demo")
            assert "Migrated" not in words(app, "setup")
            context = app.extensions["presence"]
            world = World(context.database, context.settings)
            world.clock_in(world.va(), world.account())
        assert project.theirs() == before
        assert tables_in(project.url, "presence") == OURS


def test_the_doctor_tells_of_a_transaction_pooler(pooler: Pgbouncer) -> None:
    with app_on(pooler.url) as app:
        words(app, "setup")
        assert "change feed: poll. To notify instead" in words(app, "doctor")


@pytest.mark.parametrize("theirs", ["orgs", "alembic_version", "anything"])
def test_tables_of_others_in_the_schema_are_named_and_left(url: str, theirs: str) -> None:
    query(url, f"CREATE SCHEMA presence; CREATE TABLE presence.{theirs} (id integer)")
    with app_on(url) as app:
        said = refusal(app, "setup")
    assert said == (
        f'The schema "presence" has tables that Presence did not make: {theirs}. '
        "Set PRESENCE_DB_SCHEMA to a schema of Presence's own."
    )
    assert tables_in(url, "presence") == {theirs}


def test_a_role_that_may_not_make_the_schema_is_told_what_an_admin_runs(url: str) -> None:
    role = f"presence_{uuid4().hex[:8]}"
    query(url, f"CREATE ROLE {role} LOGIN")
    try:
        at = make_url(url).set(username=role).render_as_string()
        with app_on(at) as app:
            said = refusal(app, "setup")
            assert said.endswith(f'run: CREATE SCHEMA "presence" AUTHORIZATION {role}')
            query(url, "CREATE SCHEMA presence")
            said = refusal(app, "setup")
            assert said.endswith(f'run: ALTER SCHEMA "presence" OWNER TO {role}')
            query(url, said.rpartition("run: ")[2])
            words(app, "setup")
    finally:
        query(url, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_alembic_by_hand_uses_the_schema_too(url: str) -> None:
    given = {"DATABASE_URL": url, "PRESENCE_SECRET_KEY": SECRET_KEY, "PRESENCE_DB_SCHEMA": "ours"}

    def alembic(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [f"{sysconfig.get_path('scripts')}/alembic", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment(**given), capture_output=True, text=True
        )

    done = alembic("upgrade", "head")
    assert done.returncode == 0, done.stderr
    assert tables_in(url, "ours") == OURS
    assert tables_in(url, "public") == set()
    assert str(migrations.head_revision()) in alembic("current").stdout
    assert alembic("check").returncode == 0
    given["PRESENCE_DB_SCHEMA"] = "theirs"
    query(url, "CREATE SCHEMA theirs; CREATE TABLE theirs.orgs (id integer)")
    refused = alembic("upgrade", "head")
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert "PRESENCE_DB_SCHEMA" in refused.stdout + refused.stderr


def test_a_migration_that_fails_leaves_nothing(url: str) -> None:
    query(url, FAIL_AT_RATE_LIMITS)
    with pytest.raises(InternalError, match="in the midst"):
        migrate(url)
    assert query(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'presence'") == []
