"""An org is kept as the adopter's two views have it."""

from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from context import Context
from live import directory_sync
from live.directory_sync import BeingCompared, DirectorySync
from models import Membership
from models.reach import NO_ORG
from models.schema import lock_key
from services import accounts
from tests.support.adopter import SCHEMA, Adopter, names
from tests.support.commands import as_json, refusal
from tests.support.races import at_once
from tests.support.world import World, dump

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_DIRECTORY_SCHEMA": SCHEMA}


def compare(context: Context) -> dict[UUID, str | None]:
    return directory_sync.compare_all(context, SCHEMA)


def world_of(world: World, org_id: UUID) -> World:
    """Their org, as the tests see one."""
    theirs = World(world.database, world.settings)
    theirs.id = org_id
    return theirs


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


def test_two_processes_make_a_new_org_once(
    world: World, adopter: Adopter, context: Context
) -> None:
    org_id = adopter.org()
    adopter.account(org_id)
    ended: list[object] = []

    def once() -> None:
        try:
            ended.append(directory_sync.compare(context, SCHEMA, org_id))
        except BeingCompared as error:
            ended.append(type(error))

    at_once(*[once] * 4)
    assert set(ended) <= {None, BeingCompared}
    assert None in ended
    assert names(world.database, org_id)[0] == "Their Books"


def test_what_another_process_compares_is_not_judged(
    world: World, adopter: Adopter, context: Context
) -> None:
    org_id = adopter.org()
    adopter.account(org_id)
    with world.database.write(NO_ORG) as session:
        key = lock_key(session.get_bind(), f"directory/{org_id}")
        session.execute(select(func.pg_advisory_xact_lock(key)))
        with pytest.raises(BeingCompared):
            directory_sync.compare(context, SCHEMA, org_id)
        assert compare(context) == {}
    assert compare(context) == {org_id: None}


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
    assert [sync._next(), sync._next(), sync._next()] == [first, second, None]
    sync.hear("")
    assert [sync._take_all_due(), sync._take_all_due()] == [True, False]


def test_an_org_that_never_falls_silent_keeps_no_other_waiting(context: Context) -> None:
    sync, chatty, quiet, unheard = DirectorySync(context, SCHEMA), uuid4(), uuid4(), uuid4()
    sync._waiting[unheard] = None
    compared = []
    for payload in (chatty, quiet, chatty, chatty):
        sync.hear(str(payload))
        compared.append(sync._next())
    assert compared == [chatty, unheard, quiet, chatty]
