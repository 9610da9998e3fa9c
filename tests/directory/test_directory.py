"""PUT /v1/admin/directory: all accounts and members at once."""

from typing import Any
from uuid import uuid4

from sqlalchemy import event

from models import Membership
from services import accounts, members
from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, dump

Json = dict[str, Any]
NOTHING = {"created": 0, "changed": 0, "unchanged": 0}
NO_ACCOUNTS, NO_MEMBERS = {**NOTHING, "archived": 0}, {**NOTHING, "deactivated": 0}


def listed(world: World) -> Json:
    """The org as another application would list it."""
    with world.changing() as change:
        return {
            "accounts": [
                {"id": str(each.id), "name": each.name, "archived": each.is_archived}
                for each in accounts.list_accounts(change.session, world.id, archived_too=True)
            ],
            "members": [
                {
                    "user_id": str(each.user_id),
                    "display_name": each.display_name,
                    "role": each.role,
                    "active": each.active,
                }
                for each in members.list_members(change.session, world.id)
            ],
        }


def put(world: World, client: AppClient, who: Membership, body: Json, **query: str) -> AppAnswer:
    return world.put(client, who, "admin/directory", query, **body)


def many(count: int) -> Json:
    return {"accounts": [{"id": str(uuid4()), "name": f"Account {n}"} for n in range(count)]}


def test_the_same_again_changes_nothing(world: World, client: AppClient) -> None:
    maya = world.admin()
    body = many(3)
    body["accounts"][2]["archived"] = True
    body["members"] = [{"user_id": str(uuid4()), "display_name": "Ana", "role": "va"}]
    made = put(world, client, maya, body)
    assert made.status_code == 200
    assert made.json == {
        "accounts": {**NO_ACCOUNTS, "created": 3},
        "members": {**NO_MEMBERS, "created": 1},
        "dry_run": False,
    }
    before = dump(world.database)
    again = put(world, client, maya, body)
    assert again.json == {
        "accounts": {**NO_ACCOUNTS, "unchanged": 3},
        "members": {**NO_MEMBERS, "unchanged": 1},
        "dry_run": False,
    }
    assert again.headers["Presence-Version"] == made.headers["Presence-Version"]
    assert dump(world.database) == before
    assert put(world, client, maya, {}).json["accounts"] == NO_ACCOUNTS
    assert dump(world.database) == before


def test_2000_accounts_come_in_one_call_with_one_version_and_few_statements(
    world: World, client: AppClient
) -> None:
    maya, statements = world.admin(), []
    acme = world.account()
    world.clock_in(maya, acme)
    before = world.versions()
    engine = client.application.extensions["presence"].database.engine

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    answer = put(world, client, maya, many(2000))
    event.remove(engine, "before_cursor_execute", note)
    assert answer.json["accounts"]["created"] == 2000
    assert len(statements) < 20
    assert sum("UPDATE orgs" in each for each in statements) == 1
    assert all(now > then for now, then in zip(world.versions(), before, strict=True))
    assert answer.headers["Presence-Version"] == str(world.versions()[0])
    assert len(world.get(client, maya, "accounts").json["accounts"]) == 2001
    assert len(world.log()) == 2000 + 2  # that of acme, and of maya


def test_pruning_puts_away_what_is_not_listed(world: World, client: AppClient) -> None:
    maya, ana, ben = world.admin("Maya"), world.va("Ana"), world.va("Ben")
    acme, heron = world.account("Acme"), world.account("Heron")
    world.archive(world.account("Long gone"))
    world.deactivate(world.va("Long gone"))
    world.clock_in(ana, acme)
    world.clock_in(ben, heron)
    body = {
        "accounts": [{"id": str(heron.id), "name": "Heron Bakery"}],
        "members": [
            {"user_id": str(maya.user_id), "display_name": "Maya", "role": "admin"},
            {"user_id": str(ana.user_id), "display_name": "Ana", "role": "va"},
        ],
    }
    expected = {
        "accounts": {**NO_ACCOUNTS, "changed": 1, "archived": 1},
        "members": {**NO_MEMBERS, "deactivated": 1, "unchanged": 2},
    }
    before = dump(world.database)
    answer = put(world, client, maya, body, prune="true", dry_run="true")
    assert answer.json == {**expected, "dry_run": True}
    assert dump(world.database) == before
    assert answer.headers["Presence-Version"] == str(world.versions()[0])
    versions = world.versions()
    answer = put(world, client, maya, body, prune="true")
    assert answer.json == {**expected, "dry_run": False}
    assert all(now > then for now, then in zip(world.versions(), versions, strict=True))
    assert world.held() == []
    cleared = [each for each in world.events() if each.kind == "force_clear"]
    assert {each.user_id for each in cleared} == {ana.user_id, ben.user_id}
    assert {(each.reason, each.actor_id) for each in cleared} == {("directory", maya.user_id)}
    assert {each.version for each in cleared} == {world.versions()[0]}
    back = put(world, client, maya, {**body, "members": [*body["members"], listing("Ben", ben)]})
    assert back.json["members"] == {**NO_MEMBERS, "changed": 1, "unchanged": 2}


def listing(name: str, member: Membership) -> Json:
    return {"user_id": str(member.user_id), "display_name": name, "role": member.role}


def test_a_part_that_is_left_out_is_left_as_it_is(world: World, client: AppClient) -> None:
    maya = world.admin()
    world.account()
    before = listed(world)
    answer = put(world, client, maya, {"members": before["members"]}, prune="true")
    assert (answer.json["accounts"], listed(world)) == (NO_ACCOUNTS, before)
    answer = put(world, client, maya, {"accounts": []}, prune="true")
    assert answer.json["accounts"] == {**NO_ACCOUNTS, "archived": 1}
    assert put(world, client, maya, {"accounts": []}).json["accounts"] == NO_ACCOUNTS


def test_it_is_all_or_nothing(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Theirs")
    theirs, maya, ana = other.account(), world.admin(), world.va()
    acme = world.account()
    world.clock_in(ana, acme)
    before = dump(world.database)
    new = {"id": str(uuid4()), "name": "New"}
    taken = {"id": str(theirs.id), "name": "Mine"}
    for query in ({}, {"dry_run": "true"}):
        body = {"accounts": [new, taken], "members": []}
        problem = assert_problem(put(world, client, maya, body, **query), 409, "id_taken")
        assert problem["id"] == str(theirs.id)
        body = {"accounts": [new], "members": [listing("Ana", ana)]}
        answer = put(world, client, maya, body, prune="true", **query)
        assert_problem(answer, 409, "last_admin")
    assert dump(world.database) == before


def test_another_may_follow_the_last_admin(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va("Ana")
    body = {"members": [{**listing("Ana", ana), "role": "admin"}]}
    answer = put(world, client, maya, body, prune="true")
    assert answer.json["members"] == {**NO_MEMBERS, "changed": 1, "deactivated": 1}


def test_wrong_entries_are_told_by_index(world: World, client: AppClient) -> None:
    maya, id_ = world.admin(), str(uuid4())
    before = dump(world.database)
    body = {
        "accounts": [
            {"id": id_, "name": "Right"},
            {"id": "x", "name": "A\n"},
            {"id": id_, "name": "Doubled"},
            3,
        ],
        "members": [
            {"user_id": id_, "display_name": "Ana", "role": "service"},
            {"user_id": id_, "display_name": "", "role": "va", "active": 1, "x": 0},
        ],
    }
    errors = assert_problem(put(world, client, maya, body), 422, "validation_failed")["errors"]
    assert {
        part: {n: sorted(why) for n, why in found.items()} for part, found in errors.items()
    } == {
        "accounts": {"1": ["id", "name"], "2": ["id"], "3": ["_schema"]},
        "members": {"0": ["role"], "1": ["active", "display_name", "x"]},
    }
    wrong = {"accounts": [0] * 10_000}
    errors = assert_problem(put(world, client, maya, wrong), 422, "validation_failed")["errors"]
    assert list(errors["accounts"]) == [str(index) for index in range(10_000)]
    bodies: list[Json] = [
        {"accounts": [0] * 10_001},
        {"accounts": {}},
        {"members": None},
        {"x": []},
    ]
    for bad in bodies:
        answer = put(world, client, maya, bad)
        assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == list(bad)
    assert dump(world.database) == before
