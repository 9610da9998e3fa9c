"""Views that can't be read, or hold what can't be taken over, leave an org as it was."""

import logging
from contextlib import suppress
from uuid import UUID

import pytest

from context import Context
from live import directory_sync
from live.directory_sync import DirectorySync
from live.directory_views import Unusable
from tests.support.adopter import ACCOUNTS, MEMBERS, SCHEMA, Adopter, names
from tests.support.races import meanwhile
from tests.support.world import World, dump

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_DIRECTORY_SCHEMA": SCHEMA}


def compare(context: Context) -> dict[UUID, str | None]:
    return directory_sync.compare_all(context, SCHEMA)


FAULTS = {
    "a name is null": ("UPDATE public.accounts SET name = NULL WHERE id = :acme", "name: "),
    "a name is long": (
        "UPDATE public.accounts SET name = repeat('x', 201) WHERE id = :acme",
        "name: ",
    ),
    "a role is unknown": (
        "UPDATE public.memberships SET role = 'owner' WHERE org_id = :org",
        "role: ",
    ),
    "a role is null": (
        "UPDATE public.memberships SET role = NULL WHERE org_id = :org",
        "role: ",
    ),
    "a member is doubled": (
        "INSERT INTO public.memberships SELECT * FROM public.memberships WHERE org_id = :org",
        "more than once",
    ),
    "nobody administers": (
        "UPDATE public.memberships SET role = 'va' WHERE org_id = :org",
        "last_admin",
    ),
    "the id is of another org": (
        "INSERT INTO public.accounts VALUES (:taken, :org, 'Mine', NULL)",
        "id_taken",
    ),
    "the org has two names": (
        ACCOUNTS.replace("VIEW", "OR REPLACE VIEW", 1).replace(
            "o.name AS org_name",
            "CASE WHEN a.id = :acme THEN o.name ELSE o.name || random()::text END AS org_name",
        ),
        "org_name",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_can_t_be_taken_over_leaves_that_org_as_it_is(
    world: World, adopter: Adopter, context: Context, fault: str
) -> None:
    org_id, other_id, taken = adopter.org(), adopter.org("Others"), world.account()
    acme = adopter.account(org_id, "Acme")
    adopter.account(org_id, "Secret name")
    adopter.member(org_id)
    changing = adopter.account(other_id, "Before")
    adopter.member(other_id)
    assert compare(context) == {org_id: None, other_id: None}
    before = names(world.database, org_id)
    statement, told = FAULTS[fault]
    values = {"acme": acme, "org": org_id, "taken": taken.id}
    adopter.run(statement, **{name: v for name, v in values.items() if f":{name}" in statement})
    adopter.run(
        "UPDATE public.accounts SET name = 'New' WHERE org_id = :o AND id <> :a", o=org_id, a=acme
    )
    adopter.run("UPDATE public.accounts SET name = 'After' WHERE id = :id", id=changing)
    why = compare(context)
    assert why.pop(other_id, None) is None
    assert told in str(why[org_id])
    assert "\n" not in str(why[org_id])
    assert "owner" not in str(why[org_id])
    assert names(world.database, org_id) == before
    assert names(world.database, other_id)[1] == {("After", False)}


@pytest.mark.parametrize(
    "broken",
    [
        "DROP VIEW presence_directory.members",
        "DROP VIEW presence_directory.accounts",
        "DROP SCHEMA presence_directory CASCADE",
        "ALTER VIEW presence_directory.accounts RENAME COLUMN archived TO gone",
        "ALTER VIEW presence_directory.members RENAME COLUMN org_id TO org",
        "DROP VIEW presence_directory.members;" + MEMBERS.replace("true AS", "'true' AS"),
        "DROP VIEW presence_directory.members;" + MEMBERS.replace("m.org_id,", "m.org_id::text,"),
    ],
)
def test_views_that_can_t_be_read_are_never_taken_for_empty_ones(
    world: World, adopter: Adopter, context: Context, broken: str
) -> None:
    org_id = adopter.org()
    adopter.account(org_id)
    adopter.member(org_id)
    assert compare(context) == {org_id: None}
    before = dump(world.database)
    adopter.run(broken)
    why = directory_sync.compare(context, SCHEMA, org_id)
    assert why
    assert "\n" not in why
    with suppress(Unusable):
        assert compare(context) == {org_id: why}
    assert dump(world.database) == before


def test_a_view_that_is_dropped_and_made_while_they_are_compared_costs_nothing(
    world: World, adopter: Adopter, context: Context
) -> None:
    org_id = adopter.org()
    for number in range(50):
        adopter.account(org_id, f"Account {number}")
    adopter.member(org_id)
    assert compare(context) == {org_id: None}
    before = names(world.database, org_id)

    def drop_and_make() -> None:
        adopter.run("DROP VIEW presence_directory.accounts")
        adopter.run(ACCOUNTS)

    with meanwhile(drop_and_make):
        for _ in range(30):
            directory_sync.compare(context, SCHEMA, org_id)
            assert names(world.database, org_id) == before
    assert directory_sync.compare(context, SCHEMA, org_id) is None


def test_a_fault_is_logged_once_and_so_is_its_end(
    context: Context, adopter: Adopter, caplog: pytest.LogCaptureFixture
) -> None:
    org_id, sync = adopter.org(), DirectorySync(context, SCHEMA)
    adopter.account(org_id)
    caplog.set_level(logging.WARNING, "presence.directory")

    def look() -> list[str]:
        caplog.clear()
        sync._add_all()
        while (due := sync._next()) is not None:
            sync._tell(due, directory_sync.compare(context, SCHEMA, due))
        return [record.getMessage() for record in caplog.records]

    assert look() == []
    adopter.run("UPDATE public.accounts SET name = NULL")
    assert [str(org_id) in line for line in look()] == [True]
    assert look() == []
    adopter.run("DROP VIEW presence_directory.members")
    assert ["presence_directory.members" in line for line in look()] == [True]
    assert look() == []
    adopter.run(MEMBERS)
    adopter.run("UPDATE public.accounts SET name = 'Acme'")
    assert ["again" in line for line in look()] == [True, True]
