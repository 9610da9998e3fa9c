"""Accounts that others hold."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from services import presences
from services.change import Change
from services.times import rfc3339
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago, dump


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


def test_an_account_that_somebody_took_without_the_lock_is_503_and_nothing_is_half_done(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, ben, acme, heron = world.va(), world.va("Ben"), world.account(), world.account("Heron")
    world.clock_in(ana, acme)
    before, put = dump(world.database), presences.put

    def put_too_late(change: Change, *given: Any, **said: Any) -> presences.Held:
        put(change, ben, heron, None)  # after the read, which the lock would have prevented
        return put(change, *given, **said)

    monkeypatch.setattr(presences, "put", put_too_late)
    asked = {"Idempotency-Key": "one", **world.bearer(ana)}
    answer = client.post("/v1/clock-in", json={"account_id": str(heron.id)}, headers=asked)
    assert_problem(answer, 503, "database_unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert dump(world.database) == before
