"""Clocking in over HTTP, by code and by token, and switching."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import uuid4

from flask import Flask

from services.times import rfc3339
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World


def test_clock_in_by_code_opens_a_session_with_the_presence(
    world: World, client: AppClient
) -> None:
    ana, acme = world.va(), world.account()
    body = {"access_code": world.code(ana), "account_id": str(acme.id)}
    answer = client.post("/v1/clock-in", json=body)
    assert answer.status_code == 201
    assert answer.json["presence"]["account_id"] == str(acme.id)
    assert answer.json["released_account_id"] is None
    assert answer.json["member"]["display_name"] == "Ana Reyes"
    assert "accounts" not in answer.json
    assert answer.headers["Presence-Version"] == str(world.org().va_version)
    renewed = client.get("/v1/me", headers={"Authorization": f"Bearer {answer.json['token']}"})
    assert renewed.json["presence"] == answer.json["presence"]


def test_clock_in_again_renews_the_same_presence(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    body = {"account_id": str(acme.id)}
    first = client.post("/v1/clock-in", json=body, headers=world.bearer(ana))
    again = client.post("/v1/clock-in", json=body, headers=world.bearer(ana))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json["presence"] == first.json["presence"]
    assert again.headers["Presence-Version"] == first.headers["Presence-Version"]


def test_clock_in_by_bearer_answers_with_the_token_that_was_presented(
    world: World, client: AppClient
) -> None:
    headers = world.bearer(world.va())
    answer = client.post(
        "/v1/clock-in", json={"account_id": str(world.account().id)}, headers=headers
    )
    assert answer.status_code == 201
    assert headers["Authorization"] == f"Bearer {answer.json['token']}"
    assert set(answer.json) == {
        "token",
        "token_type",
        "expires_at",
        "session_id",
        "member",
        "org",
        "presence",
        "heartbeat_interval",
        "poll_interval",
        "released_account_id",
    }
    assert set(answer.json["presence"]) == {"id", "account_id", "clocked_in_at"}
    assert answer.json["presence"]["clocked_in_at"] == rfc3339(world.held()[0].clocked_in_at)


def test_a_code_beats_a_bearer(world: World, client: AppClient) -> None:
    ana, ben, acme = world.va(), world.va("Ben Cruz"), world.account()
    body = {"access_code": world.code(ana), "account_id": acme.id}
    answer = client.post("/v1/clock-in", json=body, headers=world.bearer(ben))
    assert answer.json["member"]["id"] == str(ana.id)
    assert [held.membership_id for held in world.held()] == [ana.id]
    wrong = {"access_code": "0000-0000-0000", "account_id": acme.id}
    refused = client.post("/v1/clock-in", json=wrong, headers=world.bearer(ben))
    assert_problem(refused, 401, "access_code_rejected")


def test_clock_in_by_nobody_is_refused(world: World, client: AppClient) -> None:
    body = {"account_id": str(world.account().id)}
    missing = client.post("/v1/clock-in", json=body)
    assert_problem(missing, 401, "not_authenticated", reason="missing")


def test_an_admin_clocks_in_too(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account()
    answer = world.post(client, maya, "clock-in", account_id=acme.id)
    assert answer.status_code == 201
    assert answer.headers["Presence-Version"] == str(world.org().version)


def test_switching_releases_the_account_that_was_left(world: World, client: AppClient) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    left = world.post(client, ana, "clock-in", account_id=acme.id)
    answer = world.post(client, ana, "clock-in", account_id=heron.id)
    assert answer.status_code == 201
    assert answer.json["released_account_id"] == str(acme.id)
    assert answer.json["presence"]["account_id"] == str(heron.id)
    assert answer.json["presence"]["id"] != left.json["presence"]["id"]
    assert [held.account_id for held in world.held()] == [heron.id]
    switch = world.events()[-1]
    assert world.kinds() == ["clock_in", "switch"]
    assert switch.from_account_id == acme.id
    assert str(switch.from_presence_id) == left.json["presence"]["id"]


def test_no_reader_sees_a_switching_member_twice_or_nowhere(
    world: World, client: AppClient, app: Flask
) -> None:
    ana, maya = world.va(), world.admin()
    accounts = [world.account(), world.account("Blue Heron Bakery")]
    world.clock_in(ana, accounts[0])
    done = Event()

    def watch() -> set[int]:
        seen, reader, headers = set(), AppClient(app), world.bearer(maya)
        while not done.is_set():
            seen.add(len(reader.get("/v1/presence", headers=headers).json["presence"]))
        return seen

    with ThreadPoolExecutor() as pool:
        watching = pool.submit(watch)
        for turn in range(1, 21):
            world.clock_in(ana, accounts[turn % 2])
        done.set()
        assert watching.result() == {1}


def test_clocking_in_anew_after_ones_own_presence_expired_is_no_switch(
    world: World, client: AppClient
) -> None:
    ana, acme = world.va(), world.account()
    gone = world.expired(ana, acme)
    answer = world.post(client, ana, "clock-in", account_id=acme.id)
    assert (answer.status_code, answer.json["released_account_id"]) == (201, None)
    assert answer.json["presence"]["id"] != str(gone.presence_id)
    assert world.kinds() == ["clock_in", "expire", "clock_in"]


def test_a_stale_presence_resumes_by_clocking_in_again(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    held = world.stale(ana, acme)
    version, va_version, _ = world.versions()
    answer = world.post(client, ana, "clock-in", account_id=acme.id)
    assert answer.status_code == 200
    assert answer.json["presence"]["id"] == str(held.presence_id)
    assert world.held()[0].stale_since is None
    assert world.held()[0].last_heartbeat_at > held.last_heartbeat_at
    assert world.kinds() == ["clock_in", "stale", "resume"]
    assert world.org().version > version
    assert world.org().va_version == va_version


def test_a_bound_code_needs_no_account_and_allows_no_other(world: World, client: AppClient) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    code = world.code(ana, account=acme)
    other = client.post("/v1/clock-in", json={"access_code": code, "account_id": heron.id})
    assert_problem(other, 403, "account_not_allowed")
    nowhere = client.post("/v1/clock-in", json={"access_code": code, "account_id": uuid4()})
    assert_problem(nowhere, 403, "account_not_allowed")
    answer = client.post("/v1/clock-in", json={"access_code": code})
    assert answer.status_code == 201
    assert answer.json["presence"]["account_id"] == str(acme.id)
    said = client.post("/v1/clock-in", json={"access_code": code, "account_id": acme.id})
    assert said.status_code == 200


def test_a_token_from_a_bound_code_stays_bound_when_renewed(
    world: World, client: AppClient
) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    code = {"access_code": world.code(ana, account=acme)}
    token = client.post("/v1/sessions", json=code).json["token"]
    for _ in range(2):
        bearer = {"Authorization": f"Bearer {token}"}
        other = client.post("/v1/clock-in", json={"account_id": heron.id}, headers=bearer)
        assert_problem(other, 403, "account_not_allowed")
        own = client.post("/v1/clock-in", json={}, headers=bearer)
        assert own.json["presence"]["account_id"] == str(acme.id)
        token = client.post("/v1/sessions/renew", json={}, headers=bearer).json["token"]


def test_leaving_out_the_account_is_answered_with_the_choice(
    world: World, client: AppClient
) -> None:
    ana, heron, acme = world.va(), world.account("blue heron"), world.account("Acme Dental")
    world.archive(world.account("Zenith"))
    accounts = [
        {"id": str(acme.id), "name": "Acme Dental"},
        {"id": str(heron.id), "name": "blue heron"},
    ]
    by_bearer = world.post(client, ana, "clock-in")
    assert_problem(by_bearer, 422, "account_required", accounts=accounts)
    by_code = client.post("/v1/clock-in", json={"access_code": world.code(ana)})
    assert_problem(by_code, 422, "account_required", accounts=accounts)


def test_archived_foreign_and_unknown_accounts_are_not_found(
    world: World, client: AppClient
) -> None:
    ana, archived = world.va(), world.account()
    world.archive(archived)
    foreign = World(world.database, world.settings, "Another org").account("Theirs")
    for account_id in (archived.id, foreign.id, uuid4()):
        answer = world.post(client, ana, "clock-in", account_id=account_id)
        assert_problem(answer, 404, "account_not_found")
    bound = client.post("/v1/clock-in", json={"access_code": world.code(ana, account=archived)})
    assert_problem(bound, 404, "account_not_found")
