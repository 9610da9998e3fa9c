"""/v1/admin/services: an admin makes, lists and deletes programs that call the API."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from flask import Flask

from models import Membership
from services import keys
from services.scopes import SCOPES
from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.commands import as_json
from tests.support.problems import assert_problem
from tests.support.services import remove, service
from tests.support.world import World, ago, dump

A_DAY = timedelta(days=1)


def made(world: World, client: AppClient, maya: Membership, **body: Any) -> dict[str, Any]:
    body = {"name": "Payroll", "scopes": ["history:read"], **body}
    answer = world.post(client, maya, "admin/services", **body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


def bearer(found: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {found['token']}"}


def test_a_service_calls_with_the_token_of_its_answer(world: World, client: AppClient) -> None:
    maya = world.admin()
    versions = world.versions()
    found = made(world, client, maya, scopes=["presence:read", "history:read"])
    assert world.versions() == versions
    assert (found["name"], found["last_used_at"]) == ("Payroll", None)
    assert found["scopes"] == ["presence:read", "history:read"]
    me = client.get("/v1/me", headers=bearer(found)).json
    assert me["member"] == {
        "id": found["id"],
        "user_id": found["user_id"],
        "display_name": "Payroll",
        "role": "service",
    }
    assert (me["org"]["id"], me["presence"]) == (str(world.id), None)
    claims = jwt.decode(
        found["token"], keys.signing_key(world.settings).key, ["HS256"], audience="presence"
    )
    assert claims["scope"] == "presence:read history:read"
    assert claims["exp"] == datetime.fromisoformat(found["expires_at"]).timestamp()


def test_it_sees_the_admins_snapshot_and_all_accounts(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    world.clock_in(ana, acme)
    reader = service(world, "presence:read")
    seen = client.get("/v1/presence", headers=reader.bearer)
    assert (seen.json["view"], seen.json["me"]) == ("admin", None)
    assert [entry["display_name"] for entry in seen.json["presence"]] == ["Ana Reyes"]
    tagged = reader.bearer | {"If-None-Match": seen.headers["ETag"]}
    assert client.get("/v1/presence", headers=tagged).status_code == 304
    accounts = client.get("/v1/accounts", headers=reader.bearer).json["accounts"]
    assert accounts == [{"id": str(acme.id), "name": "Acme Dental"}]


def test_the_token_is_shown_once(world: World, client: AppClient) -> None:
    maya = world.admin()
    issued = [made(world, client, maya, name=name) for name in ("zebra", "Ámbar", "Payroll")]
    tokens = [each.pop("token") for each in issued]
    listed = world.get(client, maya, "admin/services")
    assert listed.json == {"services": [issued[2], issued[0], issued[1]], "next": None}
    rows = "".join(row for rows in dump(world.database).values() for row in rows)
    for token in tokens:
        assert token not in listed.text
        assert token not in rows


def test_the_list_comes_in_every_format(world: World, client: AppClient) -> None:
    maya = world.admin()
    made(world, client, maya, name="=Payroll", scopes=list(SCOPES))
    for media_type in ("text/plain", "text/csv", "application/x-ndjson"):
        answer = world.get(client, maya, "admin/services", accept=media_type)
        assert answer.mimetype == media_type
        assert "Payroll" in answer.text
        assert "directory:write" in answer.text
    header, row = world.get(client, maya, "admin/services", accept="text/csv").text.splitlines()
    assert header == "id,user_id,name,scopes,created_at,expires_at,last_used_at"
    assert ",'=Payroll," in row


def test_it_lasts_90_days_or_as_asked_for_at_most_a_year(world: World, client: AppClient) -> None:
    maya = world.admin()
    usual = datetime.fromisoformat(made(world, client, maya)["expires_at"]) - utc_now()
    assert 90 * A_DAY - timedelta(minutes=1) < usual <= 90 * A_DAY
    for lasts in (timedelta(seconds=5), 365 * A_DAY - timedelta(seconds=1)):
        asked = (utc_now() + lasts).replace(microsecond=0)
        assert made(world, client, maya, expires_at=asked)["expires_at"] == rfc3339(asked)
    for wrong in (ago(0), ago(86400), utc_now() + 366 * A_DAY, datetime(9999, 1, 1).astimezone()):
        body: dict[str, Any] = {"name": "Payroll", "scopes": ["history:read"]}
        answer = world.post(client, maya, "admin/services", **body, expires_at=wrong)
        errors = assert_problem(answer, 422, "validation_failed")["errors"]
        assert errors == {"expires_at": ["Must be within 365 days from now."]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["presence:read", "presence:read"]},
        {"scopes": ["admin"]},
        {"scopes": ["person"]},
        {"scopes": ["any"]},
        {"scopes": ["presence:read history:read"]},
        {"scopes": ["Presence:read"]},
        {"scopes": [1]},
        {"scopes": "presence:read"},
        {"scopes": None},
        {"scopes": ["x"] * 9000},
        {"name": ""},
        {"name": "a\nb"},
        {"role": "admin"},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_a_wrong_service_is_refused(world: World, client: AppClient, wrong: dict[str, Any]) -> None:
    maya, before = world.admin(), dump(world.database)
    body = {"name": "Payroll", "scopes": ["history:read"], **wrong}
    answer = world.post(client, maya, "admin/services", **body)
    assert set(assert_problem(answer, 422, "validation_failed")["errors"]) == set(wrong)
    assert len(answer.data) < 1000
    after = dump(world.database)
    assert {name: after[name] for name in after if name != "sessions"} == {
        name: before[name] for name in after if name != "sessions"
    }


def test_a_deleted_service_is_refused_and_its_work_stays_readable(
    world: World, client: AppClient
) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    found = made(world, client, maya, scopes=["presence:write", "directory:write"])
    world.clock_in(ana, acme)
    cleared = client.delete(f"/v1/admin/presence/{acme.id}", headers=bearer(found))
    assert cleared.status_code == 204
    client.post("/v1/admin/accounts", json={"name": "New"}, headers=bearer(found))
    answer = world.delete(client, maya, f"admin/services/{found['id']}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Presence-Version"] == str(world.org().version)
    assert_problem(
        client.get("/v1/me", headers=bearer(found)), 401, "not_authenticated", reason="revoked"
    )
    assert world.get(client, maya, "admin/services").json["services"] == []
    again = world.delete(client, maya, f"admin/services/{found['id']}")
    assert_problem(again, 404, "not_found")
    clear = world.get(client, maya, "admin/clock-events").json["clock_events"][0]
    assert (clear["kind"], clear["actor_id"]) == ("force_clear", found["user_id"])
    log = world.get(client, maya, "admin/audit-events").json["audit_events"]
    removed, account, added, _ = (event for event in log if event["kind"] in OURS)
    for event in (added, removed):
        assert (event["actor_name"], event["display_name"]) == ("Maya Chen", "Payroll")
        assert event["user_id"] == found["user_id"]
    assert added["details"] == {
        "scopes": ["presence:write", "directory:write"],
        "expires_at": found["expires_at"],
    }
    assert (account["actor_id"], account["actor_name"]) == (found["user_id"], "Payroll")
    assert found["token"] not in str(log)


OURS = ("service_added", "account_added", "service_removed")


def test_deleting_leaves_no_row_but_the_logs(world: World) -> None:
    before = dump(world.database)
    gone = service(world)
    remove(world, gone)
    after = dump(world.database)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"audit_events", "orgs"}  # orgs: members_version


def test_a_members_id_deletes_no_member_and_another_orgs_no_service(
    world: World, client: AppClient
) -> None:
    maya, ana = world.admin(), world.va()
    other = World(world.database, world.settings, "Other")
    foreign = service(other, "history:read")
    for id_ in (ana.id, maya.id, foreign.id, uuid4()):
        assert_problem(world.delete(client, maya, f"admin/services/{id_}"), 404, "not_found")
    answer = client.get("/v1/admin/clock-events", headers=foreign.bearer)
    assert answer.status_code == 200


def test_it_stands_in_no_list_of_people(world: World, client: AppClient) -> None:
    maya = world.admin()
    robot = service(world, name="Robot")
    for path in ("admin/members", "admin/time?by=member"):
        assert "Robot" not in world.get(client, maya, path).text
    member = f"admin/members/{robot.id}"
    for answer in (
        world.patch(client, maya, member, display_name="Person"),
        world.patch(client, maya, member, role="admin"),
        world.post(client, maya, f"{member}/access-codes"),
        world.get(client, maya, f"{member}/access-codes"),
        world.post(client, maya, f"{member}/revoke-tokens"),
        world.get(client, maya, f"{member}/sessions"),
    ):
        assert_problem(answer, 404, "not_found")


def test_it_is_no_admin_and_no_role_of_people(world: World, client: AppClient) -> None:
    maya = world.admin()
    service(world)
    demoted = world.patch(client, maya, f"admin/members/{maya.id}", role="va")
    assert_problem(demoted, 409, "last_admin")
    for answer in (
        world.post(client, maya, "admin/members", display_name="Eve", role="service"),
        world.patch(client, maya, f"admin/members/{maya.id}", role="service"),
    ):
        assert_problem(answer, 422, "validation_failed")


def test_an_erased_org_leaves_no_service(world: World, app: Flask, client: AppClient) -> None:
    empty = {name: rows for name, rows in dump(world.database).items() if rows}
    other = World(world.database, world.settings, "Gone")
    robot = service(other)
    as_json(app, "org", "delete", str(other.id))
    assert {name: rows for name, rows in dump(world.database).items() if rows} == empty
    answer = client.get("/v1/accounts", headers=robot.bearer)
    assert_problem(answer, 401, "not_authenticated", reason="revoked")


def test_it_expires(world: World, client: AppClient) -> None:
    old = service(world, "presence:read", now=ago(7200), lasts=timedelta(hours=1))
    answer = client.get("/v1/accounts", headers=old.bearer)
    assert_problem(answer, 401, "not_authenticated", reason="expired")
    maya = world.admin()
    (listed,) = world.get(client, maya, "admin/services").json["services"]
    assert UUID(listed["id"]) == old.id
    assert world.delete(client, maya, f"admin/services/{old.id}").status_code == 204


def test_without_its_role_or_its_claim_it_is_a_service_all_the_same(
    world: World, client: AppClient
) -> None:
    """Signed with our key, but not made by us: either of the two is enough to be refused."""
    maya, robot = world.admin(), service(world)
    kid, key = keys.signing_key(world.settings)
    for token, change in (
        (robot.token, {"scope": ...}),
        (world.token(maya), {"scope": ""}),
        (world.token(maya), {"scope": "admin"}),
    ):
        claims = jwt.decode(token, key, ["HS256"], audience="presence") | change
        if claims["scope"] is ...:
            del claims["scope"]
        forged = jwt.encode(claims, key, "HS256", {"kid": kid})
        for path in ("presence", "admin/members", "me/sessions"):
            answer = client.get(f"/v1/{path}", headers={"Authorization": f"Bearer {forged}"})
            assert_problem(answer, 403, "insufficient_scope")
