"""What was queued offline is kept with the times when it happened."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from models import ClockEvent
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago

HOUR = 3600


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
