"""Clocking in and out over HTTP: the rules that a VA meets."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from uuid import uuid4

import pytest
from flask import Flask

from models import Membership
from services import presences
from services.presences import Held
from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago, dump


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


def test_an_occupied_account_is_refused_and_only_admins_learn_by_whom(
    world: World, client: AppClient
) -> None:
    ana, acme = world.va(), world.account()
    held = world.clock_in(ana, acme, ago(10))
    before = dump(world.database)
    to_va = world.post(client, world.va("Ben Cruz"), "clock-in", account_id=acme.id)
    assert "holder" not in assert_problem(to_va, 409, "account_occupied")
    assert "Ana" not in to_va.text
    assert str(ana.user_id) not in to_va.text
    assert "Presence-Version" not in to_va.headers
    holder = {
        "display_name": "Ana Reyes",
        "clocked_in_at": rfc3339(held.clocked_in_at),
        "state": "active",
    }
    to_admin = world.post(client, world.admin(), "clock-in", account_id=acme.id)
    assert_problem(to_admin, 409, "account_occupied", holder=holder)
    assert dump(world.database)["account_presence"] == before["account_presence"]
    assert world.kinds() == ["clock_in"]


def test_a_stale_holder_still_holds(world: World, client: AppClient) -> None:
    acme = world.account()
    world.stale(world.va(), acme)
    answer = world.post(client, world.admin(), "clock-in", account_id=acme.id)
    assert assert_problem(answer, 409, "account_occupied")["holder"]["state"] == "stale"


def test_a_refused_switch_leaves_the_member_where_they_were(
    world: World, client: AppClient
) -> None:
    ana, ben, acme, heron = world.va(), world.va("Ben"), world.account(), world.account("Heron")
    world.clock_in(ana, acme)
    world.clock_in(ben, heron)
    versions = world.versions()
    answer = world.post(client, ana, "clock-in", account_id=heron.id)
    assert_problem(answer, 409, "account_occupied")
    assert {held.user_id: held.account_id for held in world.held()} == {
        ana.user_id: acme.id,
        ben.user_id: heron.id,
    }
    assert world.versions() == versions


def test_an_expired_holder_makes_way(world: World, client: AppClient) -> None:
    ben, acme = world.va("Ben Cruz"), world.account()
    gone = world.expired(world.va(), acme)
    answer = world.post(client, ben, "clock-in", account_id=acme.id)
    assert answer.status_code == 201
    assert world.kinds() == ["clock_in", "expire", "clock_in"]
    expire = world.events()[1]
    assert expire.presence_id == gone.presence_id
    assert expire.occurred_at == gone.last_heartbeat_at + timedelta(hours=1)


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


def test_members_racing_for_an_account_one_wins(world: World, app: Flask) -> None:
    acme = world.account()
    racers = [world.bearer(world.va(f"VA {number}")) for number in range(6)]
    with ThreadPoolExecutor(len(racers)) as pool:
        statuses = sorted(
            pool.map(
                lambda headers: (
                    AppClient(app)
                    .post("/v1/clock-in", json={"account_id": acme.id}, headers=headers)
                    .status_code
                ),
                racers,
            )
        )
    assert statuses == [201, 409, 409, 409, 409, 409]
    assert world.kinds() == ["clock_in"]


def test_members_swapping_accounts_at_once_end_where_the_rules_allow(
    world: World, app: Flask
) -> None:
    ana, ben = world.bearer(world.va()), world.bearer(world.va("Ben Cruz"))
    accounts = [world.account(), world.account("Blue Heron Bakery")]

    def swap(headers: dict[str, str], first: int) -> set[int]:
        poster = AppClient(app)
        return {
            poster.post(
                "/v1/clock-in",
                json={"account_id": accounts[(turn + first) % 2].id},
                headers=headers,
            ).status_code
            for turn in range(10)
        }

    with ThreadPoolExecutor(2) as pool:
        statuses = set().union(*pool.map(swap, (ana, ben), (0, 1)))
    assert statuses <= {200, 201, 409}
    assert len({held.account_id for held in world.held()}) == len(world.held()) == 2


def test_clock_out_frees_the_account(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    held = world.clock_in(ana, acme)
    answer = world.post(client, ana, "clock-out", presence_id=held.presence_id)
    assert answer.status_code == 200
    assert answer.json == {"cleared": True, "account_id": str(acme.id)}
    assert answer.headers["Presence-Version"] == str(world.org().va_version)
    assert world.held() == []
    assert world.post(client, world.va("Ben"), "clock-in", account_id=acme.id).status_code == 201


def test_clock_out_of_nothing_clears_nothing(world: World, client: AppClient) -> None:
    ana, versions = world.va(), world.versions()
    answer = world.post(client, ana, "clock-out")
    assert answer.status_code == 200
    assert answer.json == {"cleared": False, "account_id": None}
    assert answer.headers["Presence-Version"] == str(versions[1])
    assert world.versions() == versions


def test_an_empty_body_clocks_out(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    world.clock_in(ana, acme)
    answer = client.post("/v1/clock-out", headers=world.bearer(ana))
    assert answer.json == {"cleared": True, "account_id": str(acme.id)}
    assert world.events()[-1].reason == "user"


def test_the_reason_of_a_clock_out_is_kept(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    for reason in ("user", "inactivity", "shutdown"):
        world.clock_in(ana, acme)
        assert world.post(client, ana, "clock-out", reason=reason).json["cleared"]
        assert (world.events()[-1].kind, world.events()[-1].reason) == ("clock_out", reason)


def test_clock_out_of_another_members_presence_changes_nothing(
    world: World, client: AppClient
) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    left = world.clock_in(ana, world.account())
    held = world.clock_in(ana, world.account("Cedar & Sons"))
    world.clock_in(ben, world.account("Blue Heron Bakery"))
    before = dump(world.database)
    for presence_id in (left.presence_id, held.presence_id, uuid4()):
        answer = world.post(client, ben, "clock-out", presence_id=presence_id)
        assert_problem(answer, 410, "presence_ended", reason="unknown")
    assert dump(world.database) == before


def clocked_out(world: World, held: Held, ana: Membership) -> None:
    world.clock_out(ana)


def switched(world: World, held: Held, ana: Membership) -> None:
    world.clock_in(ana, world.account("Blue Heron Bakery"))


def force_cleared(world: World, held: Held, ana: Membership) -> None:
    with world.changing() as change:
        found = presences.held_by(change, ana)
        assert found is not None
        presences.end(change, found, "force_clear", actor_id=None, reason=None)


def expired(world: World, held: Held, ana: Membership) -> None:
    world.sweep(utc_now() + timedelta(seconds=3600))


@pytest.mark.parametrize("ending", [clocked_out, switched, force_cleared, expired])
def test_every_410_says_how_the_presence_ended(
    world: World, client: AppClient, ending: Callable[[World, Held, Membership], None]
) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account())
    ending(world, held, ana)
    versions, now = world.versions(), world.held()
    for path in ("clock-out", "heartbeat"):
        answer = world.post(client, ana, path, presence_id=held.presence_id)
        assert_problem(answer, 410, "presence_ended", reason=ending.__name__)
    assert (world.versions(), world.held()) == (versions, now)
