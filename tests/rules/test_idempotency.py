"""Idempotency keys: a request that comes twice takes effect once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from flask import Flask

from models import IdempotencyKey
from models.reach import EVERY_ORG
from services import idempotency
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago, dump

HOUR = 3600


def test_a_repeated_clock_in_gives_the_first_answer(world: World, client: AppClient) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    world.clock_in(ana, heron)
    first = world.post(client, ana, "clock-in", key="one", account_id=acme.id)
    again = world.post(client, ana, "clock-in", key="one", account_id=acme.id)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json["presence"] == first.json["presence"]
    assert again.json["released_account_id"] == str(heron.id)
    assert again.headers["Presence-Version"] == first.headers["Presence-Version"]
    assert world.kinds() == ["clock_in", "switch"]


def test_a_repeated_clock_in_that_changed_nothing_gives_200_again(
    world: World, client: AppClient
) -> None:
    ana, acme = world.va(), world.account()
    world.clock_in(ana, acme)
    for _ in range(2):
        answer = world.post(client, ana, "clock-in", key="one", account_id=acme.id)
        assert answer.status_code == 200
    assert world.kinds() == ["clock_in"]


def test_a_clock_in_repeated_by_code_has_a_token_of_now(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    key = {"Idempotency-Key": "one"}
    answers = [
        client.post(
            "/v1/clock-in",
            json={"access_code": world.code(ana), "account_id": acme.id},
            headers=key,
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    world.rename_member(ana, "Ana Reyes-Cruz")
    renamed = world.post(client, ana, "clock-in", key="one", account_id=acme.id)
    assert renamed.status_code == 201
    assert renamed.json["member"]["display_name"] == "Ana Reyes-Cruz"


def test_a_repeated_clock_in_is_gone_once_its_presence_has_ended(
    world: World, client: AppClient
) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    world.post(client, ana, "clock-in", key="one", account_id=acme.id)
    world.clock_out(ana)
    again = world.post(client, ana, "clock-in", key="one", account_id=acme.id)
    assert_problem(again, 410, "presence_ended", reason="clocked_out")
    world.post(client, ana, "clock-in", key="two", account_id=acme.id)
    world.clock_in(ana, heron)
    again = world.post(client, ana, "clock-in", key="two", account_id=acme.id)
    assert_problem(again, 410, "presence_ended", reason="switched")
    assert [held.account_id for held in world.held()] == [heron.id]


def test_a_repeated_clock_in_meets_an_expired_presence_and_ends_it(
    world: World, client: AppClient
) -> None:
    ana, acme = world.va(), world.account()
    world.clock_in(ana, acme, ago(HOUR + 10), key="one")
    again = world.post(client, ana, "clock-in", key="one", account_id=acme.id)
    assert_problem(again, 410, "presence_ended", reason="expired")
    assert world.kinds() == ["clock_in", "expire"]


def test_a_repeated_clock_out_always_gives_the_first_answer(
    world: World, client: AppClient
) -> None:
    ana, acme = world.va(), world.account()
    held = world.clock_in(ana, acme)
    body: dict[str, Any] = {"presence_id": held.presence_id}
    first = world.post(client, ana, "clock-out", key="one", **body)
    world.clock_in(ana, acme)
    again = world.post(client, ana, "clock-out", key="one", **body)
    assert again.status_code == 200
    assert again.json == first.json == {"cleared": True, "account_id": str(acme.id)}
    assert len(world.held()) == 1
    assert_problem(world.post(client, ana, "clock-out", **body), 410, "presence_ended")


def test_a_clock_out_that_cleared_nothing_is_remembered_too(
    world: World, client: AppClient
) -> None:
    ana = world.va()
    first = world.post(client, ana, "clock-out", key="one")
    world.clock_in(ana, world.account())
    again = world.post(client, ana, "clock-out", key="one")
    assert again.json == first.json == {"cleared": False, "account_id": None}
    assert len(world.held()) == 1


def test_a_refusal_is_not_remembered(world: World, client: AppClient) -> None:
    ana, ben, acme = world.va(), world.va("Ben Cruz"), world.account()
    world.clock_in(ben, acme)
    refused = world.post(client, ana, "clock-in", key="one", account_id=acme.id)
    assert_problem(refused, 409, "account_occupied")
    world.clock_out(ben)
    answer = world.post(client, ana, "clock-in", key="one", account_id=acme.id)
    assert answer.status_code == 201


def test_a_key_stands_for_one_request_alone(world: World, client: AppClient) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    held = world.clock_in(ana, acme, key="one")
    before = dump(world.database)
    for path, body in (
        ("clock-in", {"account_id": heron.id}),
        ("clock-in", {"account_id": acme.id, "occurred_at": utc_now()}),
        ("clock-out", {}),
        ("clock-out", {"presence_id": held.presence_id}),
    ):
        answer = world.post(client, ana, path, key="one", **body)
        assert_problem(answer, 422, "idempotency_key_reused")
    assert dump(world.database) == before


def test_a_key_is_the_members_own(world: World, client: AppClient) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    accounts = world.account(), world.account("Blue Heron Bakery")
    for member, account in zip((ana, ben), accounts, strict=True):
        answer = world.post(client, member, "clock-in", key="one", account_id=account.id)
        assert answer.status_code == 201
    assert len(world.held()) == 2


def test_the_same_key_twice_at_once_takes_effect_once(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()

    def clock_in(_: int) -> tuple[int, str]:
        answer = world.post(AppClient(app), ana, "clock-in", key="one", account_id=acme.id)
        return answer.status_code, answer.json["presence"]["id"]

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(clock_in, range(4)))
    assert {status for status, _ in answers} == {201}
    assert len(answers) == 1
    assert world.kinds() == ["clock_in"]


def test_a_key_is_1_to_64_printable_ascii_characters(world: World, client: AppClient) -> None:
    ana = world.va()
    for path, body in (("clock-in", {"account_id": world.account().id}), ("clock-out", {})):
        for bad in ("", "x" * 65, "naïve", "a\tb", "\x7f"):
            answer = world.post(client, ana, path, key=bad, **body)
            problem = assert_problem(answer, 422, "validation_failed")
            assert list(problem["errors"]) == ["Idempotency-Key"]
        for good in (path[-1], path.ljust(64, "~"), f"{path} !"):
            assert world.post(client, ana, path, key=good, **body).status_code in (200, 201)


def test_keys_are_kept_for_seven_days(world: World) -> None:
    ana, acme = world.va(), world.account()
    now = utc_now()
    for key, age in (("old", timedelta(days=7, seconds=1)), ("young", timedelta(days=6, hours=23))):
        world.clock_in(ana, acme, now - age, key=key)
    with world.database.write(EVERY_ORG) as session:
        assert idempotency.delete_old(session, now=now, most=10) == 1
    with world.database.read(EVERY_ORG) as session:
        assert [kept.key for kept in session.query(IdempotencyKey)] == ["young"]
