"""The imitated project has what makes a Supabase database different from any other."""

from collections.abc import Iterator

import psycopg2
import pytest

from tests.support.supabase import ANA, API_ROLES, CLASSIC, EVERYWHERE, SAM, Supabase, supabase

COUNTS = """
    SELECT (SELECT count(*) FROM orgs), (SELECT count(*) FROM accounts),
        (SELECT count(*) FROM auth.users), (SELECT count(*) FROM memberships)"""


@pytest.fixture(scope="module")
def project(postgresql_server: str) -> Iterator[Supabase]:
    with supabase(postgresql_server, alembic_version="0003") as project:
        yield project


def test_it_has_orgs_accounts_users_and_memberships(project: Supabase) -> None:
    assert project.query(COUNTS) == [(2, 10, 6, 7)]
    assert project.query("SELECT version_num FROM alembic_version") == [("0003",)]


def test_its_owner_makes_roles_and_is_no_superuser(project: Supabase) -> None:
    wanted = "SELECT rolcreaterole, rolbypassrls, rolsuper FROM pg_roles WHERE rolname = user"
    assert project.query(wanted) == [(True, True, False)]


def test_its_policies_show_each_user_the_own_orgs(project: Supabase) -> None:
    names = "SELECT name FROM orgs ORDER BY 1"
    assert project.query(names, role="anon") == []
    assert project.query(names, role="authenticated", user=ANA) == [("North Books",)]
    assert len(project.query(names, role="authenticated", user=SAM)) == 2


@pytest.mark.parametrize(("where", "open_to_all"), [(CLASSIC, 1), (EVERYWHERE, 2)])
def test_a_new_table_is_open_to_everyone_with_the_anon_key(
    postgresql_server: str, where: str, open_to_all: int
) -> None:
    with supabase(postgresql_server, default_privileges=where) as project:
        project.query("CREATE SCHEMA other")
        for table in ("public.codes", "other.codes"):
            project.query(f"CREATE TABLE {table} (digest text)")
        granted = "SELECT has_table_privilege(%s, %s, 'SELECT')"
        for role in API_ROLES:
            tables = ("public.codes", "other.codes")
            found = [project.query(granted, role, table)[0][0] for table in tables]
            assert found.count(True) == open_to_all
        project.query("TRUNCATE public.codes", role="anon")


def test_what_is_done_to_it_shows(project: Supabase) -> None:
    before = project.theirs()
    assert before == project.theirs()
    for change in (
        "GRANT SELECT ON public.orgs TO PUBLIC",
        "ALTER TABLE public.accounts ADD COLUMN colour text",
        "UPDATE alembic_version SET version_num = '0004'",
        "CREATE FUNCTION public.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE public.profiles DISABLE ROW LEVEL SECURITY",
    ):
        project.query(change)
        after = project.theirs()
        assert after != before, change
        before = after


def test_the_owner_may_not_touch_what_is_the_platforms(project: Supabase) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        project.query("ALTER TABLE auth.users ADD COLUMN colour text")
