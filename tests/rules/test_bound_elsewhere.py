"""A session for one account does nothing to its member's presence on another one."""

import threading
from uuid import uuid4

import pytest

from models import Account, Membership
from services.times import rfc3339, utc_now
from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem
from tests.support.world import World

Headers = dict[str, str]


@pytest.fixture(autouse=True)
def unswept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.sweeper.start", lambda _context: threading.Event())


@pytest.fixture
def ana(world: World) -> Membership:
    return world.va()


@pytest.fixture
def acme(world: World) -> Account:
    return world.account("Acme Dental")


@pytest.fixture
def heron(world: World) -> Account:
    return world.account("Blue Heron Bakery")


@pytest.fixture
def bound(world: World, ana: Membership, acme: Account) -> Headers:
    """The header of a session that is for Acme Dental alone."""
    return world.bearer(ana, account=acme)


def heartbeat(client: AppClient, headers: Headers, presence_id: object) -> AppAnswer:
    return client.post("/v1/heartbeat", json={"presence_id": str(presence_id)}, headers=headers)


def clock_out(
    client: AppClient, headers: Headers, key: str | None = None, **body: str
) -> AppAnswer:
    keyed = headers if key is None else headers | {"Idempotency-Key": key}
    return client.post("/v1/clock-out", json=body, headers=keyed)


@pytest.mark.parametrize("is_stale", [False, True])
def test_a_heartbeat_of_a_presence_on_another_account_is_refused(
    world: World,
    client: AppClient,
    ana: Membership,
    heron: Account,
    bound: Headers,
    is_stale: bool,
) -> None:
    held = world.stale(ana, heron) if is_stale else world.clock_in(ana, heron)
    before = world.held(), world.kinds(), world.versions()
    for _ in range(2):
        answer = heartbeat(client, bound, held.presence_id)
        assert_problem(answer, 403, "account_not_allowed")
    assert (world.held(), world.kinds(), world.versions()) == before
    assert heartbeat(client, world.bearer(ana), held.presence_id).status_code == 204


def test_a_clock_out_on_another_account_is_refused(
    world: World, client: AppClient, ana: Membership, heron: Account, bound: Headers
) -> None:
    held = world.clock_in(ana, heron)
    before = world.held(), world.kinds(), world.versions()
    named = {"presence_id": str(held.presence_id)}
    for body in ({}, named, {"occurred_at": rfc3339(utc_now())}, named | {"reason": "inactivity"}):
        for key in (None, "a"):
            answer = clock_out(client, bound, key, **body)
            assert_problem(answer, 403, "account_not_allowed")
    assert (world.held(), world.kinds(), world.versions()) == before
    # What was refused is no answer to a key.
    assert clock_out(client, world.bearer(ana), "a").json["cleared"] is True


def test_what_has_ended_or_never_was_is_answered_as_ever(
    world: World, client: AppClient, ana: Membership, heron: Account, bound: Headers
) -> None:
    nothing = {"cleared": False, "account_id": None}
    assert clock_out(client, bound).json == nothing
    former = world.clock_in(ana, heron).presence_id
    world.clock_out(ana)
    current = world.clock_in(ana, heron)
    for id_, reason in ((former, "clocked_out"), (uuid4(), "unknown")):
        for answer in (
            heartbeat(client, bound, id_),
            clock_out(client, bound, presence_id=str(id_)),
        ):
            assert assert_problem(answer, 410, "presence_ended")["reason"] == reason
    assert world.held() == [current]


def test_a_late_clock_out_of_another_account_is_not_kept(
    world: World, client: AppClient, ana: Membership, heron: Account, bound: Headers
) -> None:
    id_ = world.expired(ana, heron).presence_id
    for answer in (heartbeat(client, bound, id_), clock_out(client, bound, presence_id=str(id_))):
        assert assert_problem(answer, 410, "presence_ended")["reason"] == "expired"
    assert world.kinds() == ["clock_in", "expire"]
    answer = clock_out(client, world.bearer(ana), presence_id=str(id_))
    assert_problem(answer, 410, "presence_ended")
    assert world.kinds() == ["clock_in", "expire", "clock_out"]


def test_a_repeated_clock_out_gets_its_first_answer(
    world: World, client: AppClient, ana: Membership, heron: Account, bound: Headers
) -> None:
    client.post("/v1/clock-in", json={}, headers=bound)
    first = clock_out(client, bound, "a").json
    current = world.clock_in(ana, heron)
    assert clock_out(client, bound, "a").json == first
    assert world.held() == [current]


def test_a_switch_to_its_own_account_is_allowed(
    world: World, client: AppClient, ana: Membership, acme: Account, heron: Account
) -> None:
    world.clock_in(ana, heron)
    code = world.code(ana, account=acme)
    answer = client.post("/v1/clock-in", json={"access_code": code})
    assert answer.status_code == 201
    assert answer.json["released_account_id"] == str(heron.id)
    assert [held.account_id for held in world.held()] == [acme.id]


def test_a_key_of_another_accounts_clock_in_does_not_show_it(
    world: World, client: AppClient, ana: Membership, heron: Account, bound: Headers
) -> None:
    elsewhere = world.bearer(ana, account=heron)
    key = {"Idempotency-Key": "a"}
    first = client.post("/v1/clock-in", json={}, headers=elsewhere | key)
    assert first.status_code == 201
    answer = client.post("/v1/clock-in", json={}, headers=bound | key)
    assert_problem(answer, 403, "account_not_allowed")
    again = client.post("/v1/clock-in", json={}, headers=elsewhere | key)
    assert again.json["presence"] == first.json["presence"]


def test_a_client_learns_where_its_member_is(
    world: World, client: AppClient, ana: Membership, acme: Account, heron: Account
) -> None:
    held = world.clock_in(ana, heron)
    code = {"access_code": world.code(ana, account=acme)}
    session = client.post("/v1/sessions", json=code).json
    headers = {"Authorization": f"Bearer {session['token']}"}
    renewed = client.post("/v1/sessions/renew", json={}, headers=headers).json
    me = client.get("/v1/me", headers=headers).json
    for each in (session, renewed, me):
        assert each["presence"]["id"] == str(held.presence_id)
    seen = client.get("/v1/presence", headers=headers).json
    assert seen["me"]["account_id"] == str(heron.id)
