"""Idempotency keys, and what happened when: requests that come twice, late, or from offline."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask

from models import ClockEvent, IdempotencyKey
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
    with world.database.write() as session:
        assert idempotency.forget_old(session, now=now, most=10) == 1
    with world.database.read() as session:
        assert [kept.key for kept in session.query(IdempotencyKey)] == ["young"]


def last(world: World) -> ClockEvent:
    return world.events()[-1]


def millis(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_a_queued_clock_in_is_kept_with_its_time_but_starts_now(
    world: World, client: AppClient
) -> None:
    ana, then = world.va(), ago(2 * HOUR)
    answer = world.post(client, ana, "clock-in", account_id=world.account().id, occurred_at=then)
    held = world.held()[0]
    assert answer.status_code == 201
    assert last(world).occurred_at == then
    assert last(world).received_at == held.clocked_in_at == held.last_heartbeat_at > ago(60)


def test_a_queued_clock_in_is_clamped_to_24_hours_and_now(world: World, client: AppClient) -> None:
    acme = world.account()
    for then, offset in ((ago(48 * HOUR), timedelta(hours=24)), (ago(-HOUR), timedelta())):
        ana = world.va()
        world.post(client, ana, "clock-in", account_id=acme.id, occurred_at=then)
        assert last(world).occurred_at == last(world).received_at - offset
        world.clock_out(ana)


def test_a_queued_clock_in_is_never_before_the_members_previous_event(
    world: World, client: AppClient
) -> None:
    ana, ben, acme, heron = world.va(), world.va("Ben"), world.account(), world.account("Heron")
    world.clock_in(ana, acme, ago(3 * HOUR))
    world.clock_out(ana, ago(2 * HOUR))
    left = last(world).occurred_at
    world.clock_in(ben, heron, ago(60))
    world.post(client, ana, "clock-in", account_id=acme.id, occurred_at=ago(5 * HOUR))
    assert last(world).occurred_at == left
    world.post(client, ben, "clock-out")
    world.post(client, ana, "clock-in", account_id=heron.id, occurred_at=ago(5 * HOUR))
    assert (last(world).kind, last(world).occurred_at) == ("switch", left)


def test_what_was_queued_while_one_became_stale_keeps_its_times(
    world: World, client: AppClient
) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Heron")
    world.clock_in(ana, acme, ago(150))
    assert world.sweep() == (1, 0)
    assert last(world).kind == "stale"
    left, came = ago(100), ago(90)
    world.post(client, ana, "clock-out", occurred_at=left)
    world.post(client, ana, "clock-in", account_id=heron.id, occurred_at=came)
    assert [event.occurred_at for event in world.events()[-2:]] == [left, came]
    assert left < world.events()[-3].occurred_at


def test_the_order_of_presences_is_that_of_arrival(world: World, client: AppClient) -> None:
    ana, ben, acme = world.va(), world.va("Ben Cruz"), world.account()
    world.clock_in(ana, acme)
    answer = world.post(client, ben, "clock-in", account_id=acme.id, occurred_at=ago(5 * HOUR))
    assert_problem(answer, 409, "account_occupied")


def test_a_queued_clock_out_is_clamped_to_the_start_and_now(
    world: World, client: AppClient
) -> None:
    acme = world.account()
    for then, bound in ((ago(5 * HOUR), "start"), (ago(30), "then"), (ago(-HOUR), "now")):
        ana = world.va()
        held = world.clock_in(ana, acme, ago(60))
        world.post(client, ana, "clock-out", occurred_at=then)
        event = last(world)
        bounds = {"start": held.clocked_in_at, "then": then, "now": event.received_at}
        assert (event.kind, event.occurred_at) == ("clock_out", bounds[bound])


def test_a_whole_shift_queued_offline_is_kept_with_its_times(
    world: World, client: AppClient
) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    times = [ago(hours * HOUR) for hours in (8, 5, 1)]
    world.post(client, ana, "clock-in", key="1", account_id=acme.id, occurred_at=times[0])
    world.post(client, ana, "clock-in", key="2", account_id=heron.id, occurred_at=times[1])
    world.post(client, ana, "clock-out", key="3", occurred_at=times[2])
    events = world.events()
    assert [event.kind for event in events] == ["clock_in", "switch", "clock_out"]
    assert [event.occurred_at for event in events] == times
    assert all(earlier.version < later.version for earlier, later in pairwise(events))
    assert world.held() == []


def test_a_time_in_any_zone_is_read_as_utc(world: World, client: AppClient) -> None:
    ana, then = world.va(), millis(ago(HOUR))
    zoned = (then + timedelta(hours=8)).isoformat().replace("+00:00", "+08:00")
    world.post(client, ana, "clock-in", account_id=world.account().id, occurred_at=zoned)
    assert last(world).occurred_at == then


def test_a_late_clock_out_of_an_expired_presence_is_kept_once(
    world: World, client: AppClient
) -> None:
    ana = world.va()
    held = world.expired(ana, world.account())
    then = held.last_heartbeat_at + timedelta(minutes=20)
    for _ in range(3):
        answer = world.post(
            client, ana, "clock-out", presence_id=held.presence_id, occurred_at=then
        )
        assert_problem(answer, 410, "presence_ended", reason="expired")
    assert world.kinds() == ["clock_in", "expire", "clock_out"]
    assert last(world).occurred_at == then
    assert last(world).presence_id == held.presence_id


@pytest.mark.parametrize(("minutes", "kept"), [(-30, 0), (90, 60), (None, 60)])
def test_a_late_clock_out_lies_between_last_heartbeat_and_expiry(
    world: World, client: AppClient, minutes: int | None, kept: int
) -> None:
    ana = world.va()
    held = world.expired(ana, world.account())
    world.sweep()
    versions = world.versions()
    body: dict[str, Any] = {"presence_id": held.presence_id, "reason": "shutdown"}
    if minutes is not None:
        body["occurred_at"] = held.last_heartbeat_at + timedelta(minutes=minutes)
    world.post(client, ana, "clock-out", **body)
    assert last(world).occurred_at == held.last_heartbeat_at + timedelta(minutes=kept)
    assert last(world).reason == "shutdown"
    assert world.versions() == versions


def test_a_late_clock_out_leaves_the_next_presence_alone(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    gone = world.expired(ana, acme)
    world.clock_in(ana, acme)
    now = world.held()
    answer = world.post(client, ana, "clock-out", presence_id=gone.presence_id)
    assert_problem(answer, 410, "presence_ended", reason="expired")
    assert world.held() == now


def test_nobody_clocks_out_another_members_expired_presence(
    world: World, client: AppClient
) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    held = world.expired(ana, world.account())
    world.sweep()
    answer = world.post(client, ben, "clock-out", presence_id=held.presence_id)
    assert_problem(answer, 410, "presence_ended", reason="unknown")
    assert world.kinds() == ["clock_in", "expire"]


def test_a_clock_out_without_an_id_finds_nothing_once_expired(
    world: World, client: AppClient
) -> None:
    ana = world.va()
    world.expired(ana, world.account())
    answer = world.post(client, ana, "clock-out")
    assert answer.json == {"cleared": False, "account_id": None}
    assert world.kinds() == ["clock_in", "expire"]
