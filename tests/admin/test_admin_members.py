"""/v1/admin/members: an admin adds people, renames them, changes roles, shuts out and lets in."""

from typing import Any
from uuid import uuid4

import pytest

from models import Membership
from tests.support.app_client import AppClient
from tests.support.names import BAD_NAMES
from tests.support.problems import assert_problem
from tests.support.world import World, dump

VERSIONS = ("version", "va_version", "accounts_version", "members_version")


def amend(world: World, client: AppClient, member: Membership, **body: Any) -> set[str]:
    """PATCH as an admin; the versions that it raised."""
    before = world.org()
    answer = world.patch(client, world.admin("Root"), f"admin/members/{member.id}", **body)
    assert answer.status_code == 200, answer.data
    assert {name: answer.json[name] for name in body} == body
    after = world.org()
    assert answer.headers["Presence-Version"] == str(after.version)
    return {name for name in VERSIONS if getattr(after, name) > getattr(before, name)}


def test_an_added_member_is_listed(world: World, client: AppClient) -> None:
    maya = world.admin()
    answer = world.post(client, maya, "admin/members", display_name="Ana Reyes", role="va")
    assert answer.status_code == 201
    assert answer.headers["Presence-Version"] == str(world.org().version)
    ana = answer.json
    assert set(ana) == {"id", "user_id", "display_name", "role", "active", "created_at"}
    assert (ana["display_name"], ana["role"], ana["active"]) == ("Ana Reyes", "va", True)
    listed = world.get(client, maya, "admin/members").json
    assert listed["next"] is None
    assert [each["display_name"] for each in listed["members"]] == ["Maya Chen", "Ana Reyes"]
    assert listed["members"][1] == ana


def test_two_members_may_have_one_name(world: World, client: AppClient) -> None:
    maya = world.admin()
    for _ in range(2):
        answer = world.post(client, maya, "admin/members", display_name="Ana Reyes", role="va")
        assert answer.status_code == 201
    assert len(world.get(client, maya, "admin/members").json["members"]) == 3


def test_a_new_name_shows_to_admins_where_the_member_is_clocked_in(
    world: World, client: AppClient
) -> None:
    ana, acme = world.va(), world.account()
    assert amend(world, client, ana, display_name="Ana Cruz") == {"members_version"}
    world.clock_in(ana, acme)
    raised = amend(world, client, ana, display_name="Ana Reyes-Cruz")
    assert raised == {"version", "members_version"}
    snapshot = world.get(client, world.admin()).json
    assert snapshot["presence"][0]["display_name"] == "Ana Reyes-Cruz"
    assert world.events()[-1].display_name == "Ana Cruz"


def test_a_changed_role_counts_at_once_with_the_same_token(world: World, client: AppClient) -> None:
    ana = world.va()
    headers = world.bearer(ana)
    for role, status in (("admin", 200), ("va", 403)):
        assert amend(world, client, ana, role=role) == {"members_version"}
        assert client.get("/v1/admin/members", headers=headers).status_code == status
        assert client.get("/v1/presence", headers=headers).json["view"] == role


def test_a_deactivated_member_is_off_and_out(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    world.clock_in(ana, acme)
    code, headers = world.code(ana), world.bearer(ana)
    raised = amend(world, client, ana, active=False)
    assert raised == {"version", "va_version", "members_version"}
    assert world.held() == []
    event = world.events()[-1]
    assert (event.kind, event.reason, event.user_id) == ("force_clear", "deactivated", ana.user_id)
    assert event.actor_id is not None
    answer = client.get("/v1/me", headers=headers)
    assert_problem(answer, 401, "not_authenticated", reason="deactivated")
    answer = client.post("/v1/sessions", json={"access_code": code})
    assert_problem(answer, 401, "access_code_rejected")


def test_a_reactivated_member_comes_in_by_their_code_not_by_an_old_token(
    world: World, client: AppClient
) -> None:
    ana = world.va()
    code, headers = world.code(ana), world.bearer(ana)
    assert amend(world, client, ana, active=False) == {"members_version"}
    assert amend(world, client, ana, active=True) == {"members_version"}
    answer = client.get("/v1/me", headers=headers)
    assert_problem(answer, 401, "not_authenticated", reason="revoked")
    assert client.post("/v1/sessions", json={"access_code": code}).status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"display_name": "Ana Reyes", "role": "va", "active": True}], ids=["none", "same"]
)
def test_a_patch_that_changes_nothing_raises_nothing(
    world: World, client: AppClient, body: dict[str, Any]
) -> None:
    maya, ana = world.admin(), world.va()
    before = dump(world.database)
    answer = world.patch(client, maya, f"admin/members/{ana.id}", **body)
    assert (answer.status_code, answer.json["display_name"]) == (200, "Ana Reyes")
    assert dump(world.database) == before


@pytest.mark.parametrize(
    "body", [{"role": "va"}, {"active": False}, {"active": False, "role": "va"}]
)
def test_the_last_active_admin_stays(world: World, client: AppClient, body: dict[str, Any]) -> None:
    maya, tom, acme = world.admin(), world.admin("Tom Okafor"), world.account()
    world.deactivate(tom)
    world.clock_in(maya, acme)
    before = dump(world.database)
    answer = world.patch(client, maya, f"admin/members/{maya.id}", display_name="New", **body)
    assert_problem(answer, 409, "last_admin")
    assert dump(world.database) == before
    # An inactive admin was none of those who are left.
    assert world.patch(client, maya, f"admin/members/{tom.id}", role="va").status_code == 200


def test_an_admin_may_step_down_where_another_is_left(world: World, client: AppClient) -> None:
    maya, tom, acme = world.admin(), world.admin("Tom Okafor"), world.account()
    held = world.clock_in(maya, acme)
    answer = world.patch(client, maya, f"admin/members/{maya.id}", role="va")
    assert answer.status_code == 200
    # The view that is theirs from now on.
    assert answer.headers["Presence-Version"] == str(world.org().va_version)
    again = world.patch(client, maya, f"admin/members/{maya.id}", role="admin")
    assert_problem(again, 403, "admin_only")
    assert [each.presence_id for each in world.held()] == [held.presence_id]
    answer = world.patch(client, tom, f"admin/members/{tom.id}", active=False)
    assert_problem(answer, 409, "last_admin")


def test_all_is_changed_at_once_under_the_name_of_then(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    world.clock_in(ana, world.account())
    changes = {"display_name": "Former Ana", "role": "admin", "active": False}
    answer = world.patch(client, maya, f"admin/members/{ana.id}", **changes)
    assert {name: answer.json[name] for name in changes} == changes
    assert world.events()[-1].display_name == "Ana Reyes"


def test_revoked_tokens_are_worthless_and_codes_are_not(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    code, headers = world.code(ana), world.bearer(ana)
    versions = world.versions()
    answer = world.post(client, maya, f"admin/members/{ana.id}/revoke-tokens")
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Presence-Version"] == str(versions[0])
    assert world.versions() == versions
    answer = client.get("/v1/me", headers=headers)
    assert_problem(answer, 401, "not_authenticated", reason="revoked")
    assert client.post("/v1/sessions", json={"access_code": code}).status_code == 200


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused(world: World, client: AppClient, name: object) -> None:
    maya = world.admin()
    for answer in (
        world.post(client, maya, "admin/members", display_name=name, role="va"),
        world.patch(client, maya, f"admin/members/{maya.id}", display_name=name),
    ):
        assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == ["display_name"]


def test_what_is_no_change_of_a_member_is_refused(world: World, client: AppClient) -> None:
    maya = world.admin()
    path = f"admin/members/{maya.id}"
    for answer, field in (
        (world.post(client, maya, "admin/members", display_name="A"), "role"),
        (world.post(client, maya, "admin/members", display_name="A", role="owner"), "role"),
        (world.post(client, maya, "admin/members", role="va"), "display_name"),
        (world.patch(client, maya, path, role="owner"), "role"),
        (world.patch(client, maya, path, role=None), "role"),
        (world.patch(client, maya, path, active="false"), "active"),
        (world.patch(client, maya, path, active=0), "active"),
        (world.patch(client, maya, path, token_generation=0), "token_generation"),
        (world.post(client, maya, f"{path}/revoke-tokens", all=True), "all"),
    ):
        assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == [field]


def test_an_unknown_member_is_not_found(world: World, client: AppClient) -> None:
    maya = world.admin()
    for member_id in (uuid4(), maya.user_id):
        path = f"admin/members/{member_id}"
        assert_problem(world.patch(client, maya, path, role="va"), 404, "not_found")
        assert_problem(world.post(client, maya, f"{path}/revoke-tokens"), 404, "not_found")
