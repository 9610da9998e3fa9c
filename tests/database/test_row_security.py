"""PostgreSQL itself keeps orgs apart: a query without a WHERE shows nothing of another."""

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import ProgrammingError

from models import Account, Org
from models.across_orgs import DUE_ORGS, ORGS_OF_USERS, VERSIONS_OF_ORGS
from models.blanking import BLANKINGS
from models.database import Database
from models.reach import EVERY_ORG, NO_ORG
from models.row_security import FUNCTIONS
from models.service import Service
from services.times import utc_now
from tests.support.row_security import OF_NO_ORG, counted, unprotected
from tests.support.settings import APP, OWNER
from tests.support.world import World

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def other(world: World) -> World:
    """Another org; both have rows in every table."""
    other = World(world.database, world.settings, "Other Bookkeeping")
    for each in (world, other):
        ana, acme = each.va(), each.account()
        each.code(ana)
        each.clock_in(ana, acme, key="k")
        with each.changing() as change:
            service = {"membership_id": ana.id, "org_id": each.id, "scope": "presence:read"}
            change.session.add(Service(**service, expires_at=utc_now()))
    return other


def test_every_table_of_orgs_is_protected_from_its_owner_too(database: Database) -> None:
    with database.read(NO_ORG) as session:
        assert unprotected(session) == OF_NO_ORG


def test_a_new_table_that_forgets_it_is_found(database: Database) -> None:
    with database.write(EVERY_ORG) as session:
        session.execute(text("CREATE TABLE forgotten (org_id uuid REFERENCES orgs)"))
        assert "forgotten" in unprotected(session)
        session.rollback()


def test_a_query_without_a_where_shows_nothing_of_another_org(
    database: Database, world: World, other: World
) -> None:
    with database.read(EVERY_ORG) as session:
        both = counted(session)
    found = []
    for each in (world, other):
        with database.read(each.id) as session:
            assert session.scalars(text("SELECT id FROM orgs")).all() == [each.id]
            found.append(counted(session))
    empty = {table for one in found for table, rows in one.items() if not rows}
    assert not empty, "give both orgs a row in each table: `other` above"
    assert both == {table: sum(one[table] for one in found) for table in both}


def test_where_no_org_is_named_nothing_is_shown(database: Database, other: World) -> None:
    with database.read(NO_ORG) as session:
        assert set(counted(session).values()) == {0}
        session.execute(text("RESET presence.org_id"))  # as for who knows nothing of it
        assert set(counted(session).values()) == {0}


def test_who_serves_sees_nothing_by_asking_for_all(database: Database, other: World) -> None:
    """Only the owner may: whoever smuggles SQL in can set what the owner's commands set."""
    with database.read(NO_ORG) as session:
        assert session.scalar(text("SELECT current_user")).startswith(APP)
        session.execute(text("SET LOCAL presence.org_id = '*'"))
        assert set(counted(session).values()) == {0}


def test_the_owner_too_sees_one_org_alone(database: Database, world: World, other: World) -> None:
    with database.read(EVERY_ORG) as session:
        assert session.scalar(text("SELECT current_user")).startswith(OWNER)
        for named in ("", str(world.id)):
            session.execute(text("SELECT set_config('presence.org_id', :o, true)"), {"o": named})
            found = session.scalars(text("SELECT id FROM orgs")).all()
            assert found == ([world.id] if named else [])
            assert set(counted(session).values()) >= ({1} if named else {0})


@pytest.mark.parametrize("table", ["clock_events", "audit_events"])
@pytest.mark.parametrize(
    "how",
    [
        "UPDATE {} SET occurred_at = now()",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "SELECT 1 FROM {} FOR UPDATE",
        "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
        "DROP TABLE {} CASCADE",
        "DROP POLICY of_one_org ON {}",
    ],
)
def test_who_serves_can_t_rewrite_what_happened(world: World, table: str, how: str) -> None:
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        world.database.write(world.id) as session,
    ):
        session.execute(text(how.format(table)))


def test_nothing_is_written_into_another_org(world: World, other: World) -> None:
    """The ids are right: only the transaction is of another org."""
    values = {"org_id": other.id, "name": "Spy", "name_casefolded": "spy", "created_at": utc_now()}
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        world.database.write(world.id) as session,
    ):
        session.execute(insert(Account).values(values))
    with world.database.write(world.id) as session:
        renamed = session.execute(update(Org).values(name="Spied").returning(Org.id)).scalars()
        assert list(renamed) == [world.id]
        session.rollback()


def test_functions_see_all_orgs_for_their_own_duration(world: World, other: World) -> None:
    both = sorted([world.id, other.id])
    with world.database.read(world.id) as session:
        found = VERSIONS_OF_ORGS.run(session, org_ids=both).scalars()
        assert sorted(found) == both
        due = DUE_ORGS.run(session, unseen_since=utc_now(), expired_since=utc_now()).scalars()
        assert sorted(due) == both
        assert session.scalars(text("SELECT id FROM orgs")).all() == [world.id]


def test_orgs_of_a_user_are_found_by_the_user(world: World) -> None:
    ana = world.va()
    with world.database.read(NO_ORG) as session:
        (found,) = ORGS_OF_USERS.run(session, user_ids=[ana.user_id])
    assert (found.id, found.name, found.user_id, found.active) == (
        world.id,
        "Test Bookkeeping",
        ana.user_id,
        True,
    )


def test_a_function_that_fails_leaves_nothing_open(world: World, other: World) -> None:
    with world.database.read(world.id) as session:
        with pytest.raises(ProgrammingError), session.begin_nested():
            session.execute(text(f"SELECT * FROM {VERSIONS_OF_ORGS.function}(ARRAY[1])"))  # noqa: S608
        assert session.scalars(text("SELECT id FROM orgs")).all() == [world.id]


def test_only_the_named_functions_run_as_the_owner(database: Database) -> None:
    """With a search path of their own, and nobody may call them who was not let."""
    with database.read(NO_ORG) as session:
        found = session.execute(
            text(
                "SELECT proname, prosecdef, proconfig, EXISTS (SELECT FROM aclexplode(proacl)"
                " WHERE grantee = 0) AS is_public FROM pg_proc"
                " WHERE pronamespace = current_schema()::regnamespace"
            )
        ).all()
    assert sorted(each.proname for each in found) == sorted(each.function for each in FUNCTIONS)
    by_index = {each.function for each in FUNCTIONS if each.finds_by_index}
    planning = ["plan_cache_mode=force_generic_plan", "enable_seqscan=off"]
    for name, *rest in found:
        config = ["search_path=presence, pg_temp", *(planning if name in by_index else ())]
        assert rest == [True, config, False], name


def test_the_history_of_another_org_is_not_blanked(world: World, other: World) -> None:
    ana = other.va("Ana Two")
    with world.database.write(world.id) as session:
        (blank,) = (each for each in BLANKINGS if each.name == "blank_clock_events_user_id")
        blank.run(session, org=other.id, person=ana.user_id)
    with world.database.read(EVERY_ORG) as session:
        names = session.scalars(text("SELECT display_name FROM clock_events")).all()
    assert "(erased)" not in names
