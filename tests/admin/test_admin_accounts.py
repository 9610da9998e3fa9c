"""/v1/admin/accounts: an admin adds, renames and archives accounts."""

from uuid import uuid4

import pytest

from tests.support.app_client import AppClient
from tests.support.names import BAD_NAMES
from tests.support.problems import assert_problem
from tests.support.world import World, dump


def test_an_added_account_is_there_for_everyone(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    answer = world.post(client, maya, "admin/accounts", name="Acme Dental")
    assert answer.status_code == 201
    made = answer.json
    assert (made["name"], made["archived"]) == ("Acme Dental", False)
    assert set(made) == {"id", "name", "archived", "created_at"}
    assert answer.headers["Presence-Version"] == str(world.org().version)
    assert world.get(client, maya, "admin/accounts").json == {"accounts": [made], "next": None}
    of_vas = world.get(client, ana, "accounts").json["accounts"]
    assert of_vas == [{"id": made["id"], "name": "Acme Dental"}]
    clocked_in = world.post(client, ana, "clock-in", account_id=made["id"])
    assert clocked_in.status_code == 201


def test_the_list_has_archived_accounts_too_by_name(world: World, client: AppClient) -> None:
    maya = world.admin()
    for name in ("beta", "ALPHA", "Ärzte", "gamma"):
        account = world.account(name)
    world.archive(account)
    listed = world.get(client, maya, "admin/accounts").json["accounts"]
    assert [(each["name"], each["archived"]) for each in listed] == [
        ("ALPHA", False),
        ("beta", False),
        ("gamma", True),
        ("Ärzte", False),
    ]


def test_an_account_is_renamed_archived_and_taken_back(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account()
    path = f"admin/accounts/{acme.id}"
    for changes in (
        {"name": "Acme Dental Group"},
        {"archived": True},
        {"name": "Acme", "archived": False},
    ):
        before = world.org()
        answer = world.patch(client, maya, path, **changes)
        assert answer.status_code == 200
        assert {name: answer.json[name] for name in changes} == changes
        after = world.org()
        assert after.version > before.version
        assert after.va_version > before.va_version
        assert after.accounts_version > before.accounts_version
        assert after.members_version == before.members_version
        assert answer.headers["Presence-Version"] == str(after.version)
        listed = world.get(client, maya, "accounts").json["accounts"]
        now = answer.json
        assert listed == ([] if now["archived"] else [{"id": now["id"], "name": now["name"]}])


@pytest.mark.parametrize("body", [{}, {"name": "Acme Dental"}, {"archived": False}])
def test_a_patch_that_changes_nothing_raises_nothing(
    world: World, client: AppClient, body: dict[str, object]
) -> None:
    maya, acme = world.admin(), world.account()
    before = dump(world.database)
    answer = world.patch(client, maya, f"admin/accounts/{acme.id}", **body)
    assert (answer.status_code, answer.json["name"]) == (200, "Acme Dental")
    assert answer.headers["Presence-Version"] == str(world.org().version)
    assert dump(world.database) == before


def test_a_name_is_taken_in_any_case_also_by_an_archived_account(
    world: World, client: AppClient
) -> None:
    maya, heron = world.admin(), world.account("Heron")
    world.archive(world.account("Straße"))
    before = dump(world.database)
    for name in ("HERON", "STRASSE"):
        answer = world.post(client, maya, "admin/accounts", name=name)
        assert_problem(answer, 409, "name_taken")
    answer = world.patch(client, maya, f"admin/accounts/{heron.id}", name="strasse")
    assert_problem(answer, 409, "name_taken")
    assert dump(world.database) == before
    answer = world.patch(client, maya, f"admin/accounts/{heron.id}", name="HERON")
    assert (answer.status_code, answer.json["name"]) == (200, "HERON")


def test_an_occupied_account_is_not_archived(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    world.clock_in(ana, acme)
    before = dump(world.database)
    answer = world.patch(client, maya, f"admin/accounts/{acme.id}", archived=True, name="New")
    assert_problem(answer, 409, "account_occupied")
    assert dump(world.database) == before
    world.clock_out(ana)
    world.expired(ana, acme)
    answer = world.patch(client, maya, f"admin/accounts/{acme.id}", archived=True)
    assert answer.status_code == 200
    assert world.kinds()[-1] == "expire"


def test_a_refused_patch_changes_nothing_of_what_it_asked(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account()
    world.account("Heron")
    before = dump(world.database)
    answer = world.patch(client, maya, f"admin/accounts/{acme.id}", name="heron", archived=True)
    assert_problem(answer, 409, "name_taken")
    assert dump(world.database) == before


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused(world: World, client: AppClient, name: object) -> None:
    maya, acme = world.admin(), world.account()
    for answer in (
        world.post(client, maya, "admin/accounts", name=name),
        world.patch(client, maya, f"admin/accounts/{acme.id}", name=name),
    ):
        assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == ["name"]


def test_a_name_has_200_characters_of_any_script(world: World, client: AppClient) -> None:
    for name in ("=", "é" * 200, "😴" * 200, "株式会社"):
        answer = world.post(client, world.admin(), "admin/accounts", name=name)
        assert (answer.status_code, answer.json["name"]) == (201, name)


def test_what_a_body_has_too_much_is_refused(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account()
    path = f"admin/accounts/{acme.id}"
    for answer, field in (
        (world.post(client, maya, "admin/accounts", name="A", archived=True), "archived"),
        (world.post(client, maya, "admin/accounts"), "name"),
        (world.patch(client, maya, path, id=str(acme.id)), "id"),
        (world.patch(client, maya, path, archived="true"), "archived"),
        (world.patch(client, maya, path, archived=1), "archived"),
        (world.patch(client, maya, path, archived=None), "archived"),
    ):
        assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == [field]


def test_an_unknown_account_is_not_found(world: World, client: AppClient) -> None:
    maya = world.admin()
    answer = world.patch(client, maya, f"admin/accounts/{uuid4()}", name="A")
    assert_problem(answer, 404, "account_not_found")
    assert_problem(world.patch(client, maya, "admin/accounts/1", name="A"), 404, "not_found")
