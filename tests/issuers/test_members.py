"""Whose token it is, in which org, and for how long: the membership says so."""

from datetime import UTC, datetime
from uuid import uuid4

import jwt
import pytest

from models import Membership
from routes import write_limit
from services import members
from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.issuer import Issuer, enrol
from tests.support.problems import assert_problem
from tests.support.services import service as make_service
from tests.support.world import World

ME = "/v1/me"


def reason(client: AppClient, headers: dict[str, str], path: str = ME) -> str:
    answer = client.get(path, headers=headers)
    return str(assert_problem(answer, 401, "not_authenticated")["reason"])


def org_of(client: AppClient, headers: dict[str, str]) -> str:
    answer = client.get(ME, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json["org"]["id"])


def test_the_role_is_the_membership_s(client: AppClient, issuer: Issuer, world: World) -> None:
    ana = enrol(world, uuid4(), "va")
    asked = issuer.bearer(ana.user_id, presence_role="admin", app_metadata={"role": "admin"})
    assert client.get(ME, headers=asked).json["member"]["role"] == "va"
    assert_problem(client.get("/v1/admin/members", headers=asked), 403, "admin_only")
    enrol(world, ana.user_id, "admin")
    assert client.get("/v1/admin/members", headers=asked).status_code == 200


def test_of_two_orgs_the_header_counts_then_the_claim(
    client: AppClient, issuer: Issuer, world: World, other: World, ana: Membership
) -> None:
    enrol(other, ana.user_id)
    plain, claimed = issuer.bearer(ana.user_id), issuer.bearer(ana.user_id, world.id)
    problem = assert_problem(client.get(ME, headers=plain), 422, "org_required")
    assert problem["orgs"] == [
        {"id": str(other.id), "name": "Heron Tax"},
        {"id": str(world.id), "name": "Test Bookkeeping"},
    ]
    assert org_of(client, claimed) == str(world.id)
    for bearer in (plain, claimed):
        assert org_of(client, bearer | {"Presence-Org": str(other.id)}) == str(other.id)
        assert org_of(client, bearer | {"Presence-Org": str(other.id).upper()}) == str(other.id)
    enrol(other, ana.user_id, active=False)
    assert org_of(client, plain) == str(world.id)


def test_writes_that_name_no_org_count_in_the_first(
    client: AppClient, issuer: Issuer, world: World, other: World, ana: Membership
) -> None:
    enrol(other, ana.user_id)
    plain = issuer.bearer(ana.user_id)
    for _ in range(write_limit.LIMIT.times):
        answer = client.post("/v1/clock-out", json={}, headers=plain)
        assert_problem(answer, 422, "org_required")
    for org, status in ((other, 429), (world, 200)):
        named = plain | {"Presence-Org": str(org.id)}
        assert client.post("/v1/clock-out", json={}, headers=named).status_code == status


def test_who_is_nowhere_is_unknown(
    client: AppClient, issuer: Issuer, world: World, other: World, ana: Membership
) -> None:
    stranger, nowhere = issuer.bearer(uuid4()), str(uuid4())
    for headers in (
        stranger,
        stranger | {"Presence-Org": str(world.id)},
        issuer.bearer(uuid4(), world.id),
        issuer.bearer(ana.user_id, other.id),
        issuer.bearer(ana.user_id) | {"Presence-Org": str(other.id)},
        issuer.bearer(ana.user_id) | {"Presence-Org": nowhere},
    ):
        assert reason(client, headers) == "unknown_member"
    enrol(world, ana.user_id, active=False)
    assert reason(client, issuer.bearer(ana.user_id)) == "deactivated"
    assert reason(client, issuer.bearer(ana.user_id, world.id)) == "deactivated"


@pytest.mark.parametrize("given", ["", "acme", "{id}", "{id},{id}", "urn:uuid:{id}", "x" * 2000])
def test_a_header_that_is_no_id_is_said_to_be_none(
    client: AppClient, issuer: Issuer, ana: Membership, given: str
) -> None:
    given = given.replace("{id}", str(ana.org_id)) if given != "{id}" else f"{{{ana.org_id}}}"
    answer = client.get(ME, headers=issuer.bearer(ana.user_id) | {"Presence-Org": given})
    problem = assert_problem(answer, 422, "validation_failed")
    assert set(problem["errors"]) == {"Presence-Org"}


def test_no_issuer_vouches_for_a_service(client: AppClient, issuer: Issuer, world: World) -> None:
    service = make_service(world, "presence:read")
    assert reason(client, issuer.bearer(service.user_id)) == "unknown_member"
    assert reason(client, issuer.bearer(service.user_id, world.id)) == "unknown_member"


def test_revoking_refuses_every_earlier_token(
    client: AppClient, issuer: Issuer, world: World, ana: Membership
) -> None:
    now = int(utc_now().timestamp())
    earlier, later = (issuer.bearer(ana.user_id, iat=now + second) for second in (0, 5))
    with world.changing(utc_now().replace(microsecond=500_000)) as change:
        member = members.find_in(change.session, world.id, ana.id)
        members.revoke_tokens(change, member, actor=None)
    assert reason(client, earlier) == "revoked"  # of the same second
    assert client.get(ME, headers=later).status_code == 200
    enrol(world, ana.user_id, active=False)
    assert reason(client, later) == "deactivated"
    enrol(world, ana.user_id)
    assert reason(client, issuer.bearer(ana.user_id, iat=now - 10)) == "revoked"


def test_such_a_token_has_no_session(
    client: AppClient, issuer: Issuer, world: World, ana: Membership
) -> None:
    asked = issuer.bearer(ana.user_id)
    assert_problem(client.post("/v1/sessions/renew", headers=asked), 403, "not_renewable")
    assert_problem(client.delete("/v1/sessions/current", headers=asked), 403, "no_session")
    assert client.get("/v1/me/sessions", headers=asked).json == {"sessions": [], "next": None}
    maya = issuer.bearer(enrol(world, uuid4(), "admin").user_id)
    path = f"/v1/admin/members/{ana.id}/sessions"
    assert client.get(path, headers=maya).json["sessions"] == []


def test_clocking_in_answers_with_the_token_that_was_presented(
    client: AppClient, issuer: Issuer, world: World, ana: Membership
) -> None:
    asked, acme = issuer.bearer(ana.user_id), world.account()
    answer = client.post("/v1/clock-in", headers=asked, json={"account_id": str(acme.id)})
    assert answer.status_code == 201
    said = answer.json
    assert said["token"] == asked["Authorization"].removeprefix("Bearer ")
    assert said["session_id"] is None
    ends_at = jwt.decode(said["token"], options={"verify_signature": False})["exp"]
    assert said["expires_at"] == rfc3339(datetime.fromtimestamp(ends_at, UTC))
    beat = {"presence_id": said["presence"]["id"]}
    assert client.post("/v1/heartbeat", headers=asked, json=beat).status_code == 204
    assert client.post("/v1/clock-out", headers=asked, json={}).json["cleared"] is True
