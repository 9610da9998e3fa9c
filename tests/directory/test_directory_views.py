"""An org is kept as the adopter's two views have it."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from context import Context
from live import directory_sync
from live.directory_sync import DirectorySync
from live.directory_views import Unusable
from models import Account, Membership, Org
from models.database import Database
from models.reach import EVERY_ORG
from services import accounts
from tests.support.adopter import ACCOUNTS, AWAY, MEMBERS, SCHEMA, Adopter
from tests.support.commands import as_json, refusal
from tests.support.races import at_once, meanwhile
from tests.support.world import World, dump

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_DIRECTORY_SCHEMA": SCHEMA}


@pytest.fixture
def adopter(database: Database) -> Iterator[Adopter]:
    adopter = Adopter(database)
    adopter.set_up()
    yield adopter
    adopter.run(AWAY)


@pytest.fixture
def context(app: Flask) -> Context:
    found: Context = app.extensions["presence"]
    return found


def compare(context: Context) -> dict[UUID, str | None]:
    return directory_sync.compare_all(context, SCHEMA)


def world_of(world: World, org_id: UUID) -> World:
    """Their org, as the tests see one."""
    theirs = World(world.database, world.settings)
    theirs.id = org_id
    return theirs


def names(database: Database, org_id: UUID) -> tuple[str, set[tuple[str, bool]], set[str]]:
    """The org's, its accounts' with whether they are archived, and its active members'."""
    with database.read(EVERY_ORG) as session:
        found = session.scalars(select(Account).where(Account.org_id == org_id))
        members = session.scalars(
            select(Membership.display_name).where(Membership.org_id == org_id, Membership.active)
        )
        return (
            session.get_one(Org, org_id).name,
            {(account.name, account.is_archived) for account in found},
            set(members),
        )


def test_their_orgs_are_made_and_kept_as_they_are_there(
    world: World, adopter: Adopter, context: Context
) -> None:
    own = world.admin(), world.account()
    org_id, other_id = adopter.org(), adopter.org("Others")
    acme, heron = adopter.account(org_id, "Acme"), adopter.account(org_id, "Heron")
    maya, ana = adopter.member(org_id), adopter.member(org_id, "Ana", "va")
    adopter.account(other_id, "Acme")
    adopter.join(other_id, ana)
    assert compare(context) == {org_id: None, other_id: None}
    assert names(world.database, org_id) == (
        "Their Books",
        {("Acme", False), ("Heron", False)},
        {"Maya Chen", "Ana"},
    )
    assert names(world.database, other_id) == ("Others", {("Acme", False)}, {"Ana"})
    before = dump(world.database)
    assert compare(context) == {org_id: None, other_id: None}
    assert dump(world.database) == before
    # A row that is gone is an archived account, a deactivated member, and off the clock.
    theirs = world_of(world, org_id)
    with theirs.changing() as change:
        account = accounts.find(change.session, org_id, heron)
        member = change.session.scalars(
            select(Membership).where(Membership.org_id == org_id, Membership.user_id == ana)
        ).one()
    theirs.clock_in(member, account)
    adopter.run("UPDATE public.orgs SET name = 'Renamed' WHERE id = :id", id=org_id)
    adopter.run("UPDATE public.accounts SET name = 'ACME' WHERE id = :id", id=acme)
    adopter.run("DELETE FROM public.accounts WHERE id = :id", id=heron)
    adopter.run("DELETE FROM public.memberships WHERE user_id = :id", id=ana)
    assert compare(context) == {org_id: None, other_id: None}
    assert names(world.database, org_id) == (
        "Renamed",
        {("ACME", False), ("Heron", True)},
        {"Maya Chen"},
    )
    assert theirs.kinds() == ["clock_in", "force_clear"]
    assert (theirs.events()[-1].reason, theirs.events()[-1].actor_id) == ("directory", None)
    assert theirs.member_now(member).user_id == ana != maya
    assert names(world.database, other_id)[1:] == ({("Acme", False)}, set())
    # An org that is in neither view is left as it is.
    adopter.run("DELETE FROM public.accounts WHERE org_id = :id", id=other_id)
    assert compare(context) == {org_id: None}
    assert names(world.database, other_id)[1] == {("Acme", False)}
    assert world.member_now(own[0]).active
    assert not own[1].is_archived


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


def test_two_processes_make_a_new_org_once(
    world: World, adopter: Adopter, context: Context
) -> None:
    org_id = adopter.org()
    adopter.account(org_id)
    assert at_once(*[lambda: directory_sync.compare(context, SCHEMA, org_id)] * 4) == [None] * 4
    assert names(world.database, org_id)[0] == "Their Books"


def test_the_command_says_what_it_could_not_take_over(adopter: Adopter, app: Flask) -> None:
    org_id, other_id = adopter.org(), adopter.org()
    adopter.account(org_id)
    adopter.member(other_id)
    said = as_json(app, "directory", "sync")
    assert (said["orgs"], list(said["left"])) == (2, [str(other_id)])
    assert "no row in accounts" in said["left"][str(other_id)]
    adopter.run("DROP VIEW presence_directory.members")
    assert "presence_directory.members" in refusal(app, "directory", "sync")


def test_only_ids_and_nothing_are_taken_for_notifications(context: Context) -> None:
    sync = DirectorySync(context, SCHEMA)
    first, second = uuid4(), uuid4()
    for payload in ("x", "DROP TABLE", str(first)[:-1], f"{first}\n", "*"):
        sync.hear(payload)
    assert (sync._next(), sync._take_all_due()) == (None, False)
    for payload in (str(first), str(second).upper(), str(first)):
        sync.hear(payload)
    assert {sync._next(), sync._next(), sync._next()} == {first, second, None}
    sync.hear("")
    assert [sync._take_all_due(), sync._take_all_due()] == [True, False]


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
