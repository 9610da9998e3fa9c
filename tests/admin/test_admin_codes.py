"""/v1/admin/members/{id}/access-codes: an admin issues, lists and revokes codes."""

from operator import itemgetter
from typing import Any
from uuid import uuid4

import pytest

from models import Membership
from services import access_codes
from services.times import rfc3339
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago, dump


def path_of(member: Membership) -> str:
    return f"admin/members/{member.id}/access-codes"


def test_an_issued_code_lets_its_member_in(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    versions = world.versions()
    answer = world.post(client, maya, path_of(ana))
    assert answer.status_code == 201
    assert answer.headers["Presence-Version"] == str(versions[0])
    assert world.versions() == versions
    session = client.post("/v1/sessions", json={"access_code": answer.json["access_code"]})
    assert session.status_code == 200
    assert session.json["member"]["id"] == answer.json["member_id"] == str(ana.id)


def test_a_code_is_shown_once(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    issued = [world.post(client, maya, path_of(ana)).json for _ in range(2)]
    codes = [each.pop("access_code") for each in issued]
    listed = world.get(client, maya, path_of(ana))
    assert listed.json["next"] is None
    of_both = listed.json["access_codes"]
    assert sorted(of_both, key=itemgetter("id")) == sorted(issued, key=itemgetter("id"))
    assert of_both[0]["created_at"] >= of_both[1]["created_at"]
    rows = "".join(row for rows in dump(world.database).values() for row in rows)
    for code in codes:
        for form in (code, access_codes.normalise(code)):
            assert form not in listed.text
            assert form not in rows


def test_a_code_may_be_for_one_account_until_a_time(world: World, client: AppClient) -> None:
    maya, ana, acme, other = world.admin(), world.va(), world.account(), world.account("Heron")
    until = ago(-60)
    body: dict[str, Any] = {"account_id": str(acme.id), "expires_at": until}
    issued = world.post(client, maya, path_of(ana), **body).json
    assert (issued["account_id"], issued["expires_at"]) == (str(acme.id), rfc3339(until))
    code = {"access_code": issued["access_code"]}
    answer = client.post("/v1/clock-in", json={**code, "account_id": str(other.id)})
    assert_problem(answer, 403, "account_not_allowed")
    assert client.post("/v1/clock-in", json=code).status_code == 201
    late = world.post(client, maya, path_of(ana), expires_at=ago(1)).json
    answer = client.post("/v1/sessions", json={"access_code": late["access_code"]})
    assert_problem(answer, 401, "access_code_rejected")


def test_a_revoked_code_is_worthless_with_the_tokens_from_it(
    world: World, client: AppClient
) -> None:
    maya, ana = world.admin(), world.va()
    leaked, kept = (world.post(client, maya, path_of(ana)).json for _ in range(2))
    session = client.post("/v1/sessions", json={"access_code": leaked["access_code"]}).json
    versions = world.versions()
    answer = world.delete(client, maya, f"{path_of(ana)}/{leaked['id']}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Presence-Version"] == str(versions[0])
    assert world.versions() == versions
    answer = client.post("/v1/sessions", json={"access_code": leaked["access_code"]})
    assert_problem(answer, 401, "access_code_rejected")
    headers = {"Authorization": f"Bearer {session['token']}"}
    answer = client.get("/v1/me", headers=headers)
    assert_problem(answer, 401, "not_authenticated", reason="revoked")
    answer = client.post("/v1/sessions", json={"access_code": kept["access_code"]})
    assert answer.status_code == 200
    listed = world.get(client, maya, path_of(ana)).json["access_codes"]
    revoked = {code["id"] for code in listed if code["revoked_at"]}
    assert revoked == {leaked["id"]}


def test_revoking_again_changes_nothing(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    code = world.post(client, maya, path_of(ana)).json
    path = f"{path_of(ana)}/{code['id']}"
    assert world.delete(client, maya, path).status_code == 204
    before = dump(world.database)
    assert world.delete(client, maya, path).status_code == 204
    assert dump(world.database) == before


def test_a_code_is_found_under_its_own_member_only(world: World, client: AppClient) -> None:
    maya, ana, ben = world.admin(), world.va(), world.va("Ben Cruz")
    code = world.post(client, maya, path_of(ana)).json
    before = dump(world.database)
    for path in (
        f"{path_of(ben)}/{code['id']}",
        f"{path_of(ana)}/{uuid4()}",
        f"admin/members/{uuid4()}/access-codes/{code['id']}",
    ):
        assert_problem(world.delete(client, maya, path), 404, "not_found")
    assert_problem(world.get(client, maya, path_of(maya) + "/x"), 404, "not_found")
    assert dump(world.database) == before


def test_a_code_is_bound_to_no_account_that_is_not_there(world: World, client: AppClient) -> None:
    maya, ana, archived = world.admin(), world.va(), world.account()
    world.archive(archived)
    foreign = World(world.database, world.settings, "Other org").account()
    for account_id in (archived.id, foreign.id, uuid4()):
        answer = world.post(client, maya, path_of(ana), account_id=str(account_id))
        assert_problem(answer, 404, "account_not_found")
    assert world.get(client, maya, path_of(ana)).json["access_codes"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"account_id": "x"}, "account_id"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2026-11-22T12:00:00"}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
        ({"access_code": "K7QF-9TWM-2XHP"}, "access_code"),
    ],
)
def test_a_bad_wish_for_a_code_is_refused(
    world: World, client: AppClient, body: dict[str, Any], field: str
) -> None:
    answer = world.post(client, world.admin(), path_of(world.va()), **body)
    assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == [field]
