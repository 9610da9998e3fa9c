"""flask setup --role: Presence serves as a role that may do its work, and no more."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url

from models.across_orgs import ORG_OF_CODE
from models.base import Base
from models.schema_setup import VERSION_TABLE
from tests.support.app_client import AppClient
from tests.support.commands import refusal, words
from tests.support.databases import new_postgresql
from tests.support.outside import app_on, query
from tests.support.world import World

ALL = {"SELECT", "INSERT", "UPDATE", "DELETE"}
LESS = {
    "clock_events": {"SELECT", "INSERT"},
    "audit_events": {"SELECT", "INSERT"},
    "orgs": {"SELECT", "INSERT", "UPDATE"},
    "users": {"SELECT", "INSERT", "UPDATE"},
    VERSION_TABLE: {"SELECT"},
}
RIGHTS = """
SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'presence'::regnamespace AND c.relkind <> 'S'
    AND a.grantee = %s::regrole
"""
POLICIES = "SELECT tablename, policyname, roles::text FROM pg_policies ORDER BY 1, 2"
OF_ANOTHER_RELEASE = f"COMMENT ON FUNCTION presence.{ORG_OF_CODE.signature} IS 'of another release'"
OWNERS = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'presence'"
ATTRIBUTES = """
SELECT rolcanlogin, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb, rolpassword IS NULL,
    EXISTS (SELECT FROM pg_auth_members WHERE member = pg_authid.oid)
FROM pg_authid WHERE rolname = %s
"""


@pytest.fixture
def admin_url(postgresql_server: str) -> Iterator[str]:
    with new_postgresql(postgresql_server) as url:
        yield url


@pytest.fixture
def names(admin_url: str) -> Iterator[tuple[str, str]]:
    """An owner of the database, who may make roles, and a role that is not there yet."""
    number = uuid4().hex[:8]
    owner, role = f"owner_{number}", f"app-{number}"
    query(admin_url, f"CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD 'secret'")
    query(admin_url, f"ALTER DATABASE {make_url(admin_url).database} OWNER TO {owner}")
    yield owner, role
    query(admin_url, f"ALTER DATABASE {make_url(admin_url).database} OWNER TO CURRENT_USER")
    for each in (role, owner):
        if query(admin_url, "SELECT 1 FROM pg_roles WHERE rolname = %s", each):
            query(admin_url, f'DROP OWNED BY "{each}" CASCADE; DROP ROLE "{each}"')


@pytest.fixture
def url(admin_url: str, names: tuple[str, str]) -> str:
    return as_role(admin_url, names[0])


def as_role(url: str, role: str) -> str:
    at = make_url(url).set(username=role, password="secret")
    return at.render_as_string(hide_password=False)


def rights(admin_url: str, role: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, right in query(admin_url, RIGHTS, f'"{role}"'):
        found.setdefault(table, set()).add(right)
    return found


def test_the_role_may_serve_and_do_nothing_else(
    admin_url: str, url: str, names: tuple[str, str]
) -> None:
    with app_on(url) as app:
        assert "ALTER ROLE" in words(app, "setup", "--role", names[1])
    assert query(admin_url, ATTRIBUTES, names[1]) == [(True, False, True, False)]
    wanted = dict.fromkeys(Base.metadata.tables, ALL) | LESS
    assert rights(admin_url, names[1]) == wanted


def test_what_the_role_may_do_more_is_taken_from_it(
    admin_url: str, url: str, names: tuple[str, str]
) -> None:
    with app_on(url) as app:
        words(app, "setup", "--role", names[1])
        before = rights(admin_url, names[1])
        query(url, f'GRANT ALL ON presence.clock_events TO "{names[1]}"')
        words(app, "setup", "--role", names[1])
    assert rights(admin_url, names[1]) == before


def test_a_release_with_other_tables_gives_the_rights_on_them(
    admin_url: str, url: str, names: tuple[str, str]
) -> None:
    with app_on(url) as app:
        words(app, "setup", "--role", names[1])
        before = rights(admin_url, names[1])
        query(url, f'REVOKE ALL ON presence.sessions FROM "{names[1]}"')
        query(url, OF_ANOTHER_RELEASE)
        assert "Migrated" in words(app, "setup")
    assert rights(admin_url, names[1]) == before


def test_an_admin_who_sets_up_leaves_all_to_the_owner(
    admin_url: str, url: str, names: tuple[str, str]
) -> None:
    owner, role = names
    with app_on(url) as app:
        words(app, "setup", "--role", role)
    before = query(admin_url, POLICIES)
    query(url, "DROP TABLE presence.issuer_keys")
    query(url, "ALTER TABLE presence.memberships DROP COLUMN tokens_valid_from")
    query(url, "UPDATE presence.presence_version SET version_num = '0009'")
    query(url, OF_ANOTHER_RELEASE)
    with app_on(admin_url) as app:
        assert "Migrated" in words(app, "setup")
    assert query(admin_url, POLICIES) == before
    assert query(admin_url, OWNERS) == [(owner,)]
    assert rights(admin_url, role)["issuer_keys"] == ALL


@pytest.mark.parametrize("name", ["anon", "authenticated", "service_role"])
def test_a_role_of_the_platforms_api_is_refused(url: str, name: str) -> None:
    with app_on(url) as app:
        words(app, "setup")
        assert f"The role {name} is the platform's" in refusal(app, "setup", "--role", name)


def test_an_owner_who_may_make_no_roles_is_told_what_an_admin_runs(
    admin_url: str, url: str, names: tuple[str, str]
) -> None:
    owner, role = names
    query(admin_url, f"ALTER ROLE {owner} NOCREATEROLE")
    with app_on(url) as app:
        words(app, "setup")
        said = refusal(app, "setup", "--role", role)
        query(admin_url, said.partition("again: ")[2])
        words(app, "setup", "--role", role)
    assert rights(admin_url, role)["clock_events"] == {"SELECT", "INSERT"}


@pytest.mark.parametrize("how", ["SUPERUSER", "BYPASSRLS"])
def test_a_role_that_policies_would_not_stop_is_refused(
    admin_url: str, url: str, names: tuple[str, str], how: str
) -> None:
    query(admin_url, f'CREATE ROLE "{names[1]}" LOGIN {how}')
    with app_on(url) as app:
        words(app, "setup")
        assert "row-level security" in refusal(app, "setup", "--role", names[1])


def test_servers_may_log_in_as_it_and_commands_say_whose_they_are(
    admin_url: str, url: str, names: tuple[str, str]
) -> None:
    owner, role = names
    with app_on(url) as app:
        words(app, "setup", "--role", role)
        world = World(app.extensions["presence"].database, app.extensions["presence"].settings)
        ana, acme = world.va(), world.account()
        code = world.code(ana)
    query(admin_url, f"ALTER ROLE \"{role}\" PASSWORD 'secret'")
    with app_on(as_role(admin_url, role)) as app:
        asked = {"access_code": code, "account_id": str(acme.id)}
        answer = AppClient(app).post("/v1/clock-in", json=asked)
        assert answer.status_code == 201
        assert owner in refusal(app, "org", "create", "Mine")
    assert query(url, "SET presence.org_id = '*'; SELECT count(*) FROM presence.clock_events") == [
        (1,)
    ]
