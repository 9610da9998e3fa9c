"""Heartbeats, and what becomes of presences without them. Time is passed in, never waited for."""

from datetime import timedelta

import pytest

from models.reach import EVERY_ORG
from services import expiry, heartbeats
from services.times import rfc3339
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago


def test_a_heartbeat_of_a_fresh_presence_changes_no_version(
    world: World, client: AppClient
) -> None:
    ana, maya = world.va(), world.admin()
    held = world.clock_in(ana, world.account(), ago(60))
    versions = world.versions()
    tags = [world.get(client, member).headers["ETag"] for member in (ana, maya)]
    answer = world.post(client, ana, "heartbeat", presence_id=held.presence_id)
    assert (answer.status_code, answer.data) == (204, b"")
    assert world.held()[0].last_heartbeat_at > held.last_heartbeat_at
    assert world.versions() == versions
    assert world.kinds() == ["clock_in"]
    for member, tag in zip((ana, maya), tags, strict=True):
        assert world.get(client, member, if_none_match=tag).status_code == 304


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, 15),
        ({"PRESENCE_STALE_AFTER": "40", "PRESENCE_HEARTBEAT_INTERVAL": "20"}, 5),
    ],
)
def test_heartbeats_are_written_at_most_once_an_interval(world: World, interval: int) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account())

    def beat(seconds_later: float) -> timedelta:
        with world.database.write(EVERY_ORG) as session:
            assert heartbeats.beat(
                session,
                ana,
                held.presence_id,
                settings=world.settings,
                now=held.clocked_in_at + timedelta(seconds=seconds_later),
            )
        return world.held()[0].last_heartbeat_at - held.clocked_in_at

    assert beat(interval - 0.001) == timedelta()
    assert beat(interval) == timedelta(seconds=interval)
    assert beat(2 * interval - 0.001) == timedelta(seconds=interval)
    # The clock was put back: what is written must not be of the future.
    assert beat(interval / 2) == timedelta(seconds=interval / 2)


def test_a_heartbeat_revives_a_stale_presence_and_only_admins_see_it(
    world: World, client: AppClient
) -> None:
    ana, maya = world.va(), world.admin()
    held = world.stale(ana, world.account())
    entry = world.get(client, maya).json["presence"][0]
    assert (entry["state"], entry["last_seen_at"]) == ("stale", rfc3339(held.last_heartbeat_at))
    tag, (version, va_version, _) = world.get(client, ana).headers["ETag"], world.versions()
    assert world.post(client, ana, "heartbeat", presence_id=held.presence_id).status_code == 204
    entry = world.get(client, maya).json["presence"][0]
    assert (entry["state"], entry["last_seen_at"]) == ("active", None)
    assert world.org().version > version
    assert world.org().va_version == va_version
    assert world.get(client, ana, if_none_match=tag).status_code == 304
    assert world.kinds() == ["clock_in", "stale", "resume"]


def test_a_heartbeat_that_comes_too_late_ends_the_presence(world: World, client: AppClient) -> None:
    ana = world.va()
    held = world.expired(ana, world.account())
    _, va_version, _ = world.versions()
    for _ in range(2):
        answer = world.post(client, ana, "heartbeat", presence_id=held.presence_id)
        assert_problem(answer, 410, "presence_ended", reason="expired")
    assert world.held() == []
    assert world.kinds() == ["clock_in", "expire"]
    assert world.org().va_version > va_version


def test_a_heartbeat_names_a_presence_of_ones_own(world: World, client: AppClient) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    held = world.clock_in(ana, world.account(), ago(60))
    world.clock_in(ben, world.account("Blue Heron Bakery"))
    before = world.held()
    answer = world.post(client, ben, "heartbeat", presence_id=held.presence_id)
    assert_problem(answer, 410, "presence_ended", reason="unknown")
    assert world.held() == before
    missing = world.post(client, ana, "heartbeat")
    assert list(assert_problem(missing, 422, "validation_failed")["errors"]) == ["presence_id"]


def test_a_presence_becomes_stale_and_then_ends(world: World) -> None:
    held = world.clock_in(world.va(), world.account())

    def after(seconds: float) -> tuple[int, int]:
        return world.sweep(held.clocked_in_at + timedelta(seconds=seconds))

    assert after(119.999) == (0, 0)
    version, va_version, _ = world.versions()
    assert after(120) == (1, 0)
    assert after(121) == (0, 0)
    assert world.org().version > version
    assert world.org().va_version == va_version
    assert after(3599.999) == (0, 0)
    assert after(3600) == (0, 1)
    assert world.org().va_version > va_version
    assert world.held() == []
    ended = held.clocked_in_at
    assert [(event.kind, event.occurred_at - ended) for event in world.events()] == [
        ("clock_in", timedelta()),
        ("stale", timedelta(seconds=120)),
        ("expire", timedelta(seconds=3600)),
    ]


def test_one_sweep_ends_what_was_never_marked_stale(world: World) -> None:
    world.expired(world.va(), world.account())
    assert world.sweep() == (0, 1)
    assert world.kinds() == ["clock_in", "expire"]


def test_only_orgs_with_something_to_sweep_are_due(world: World) -> None:
    other = World(world.database, world.settings, "Another org")
    other.clock_in(other.va(), other.account())
    held = world.clock_in(world.va(), world.account(), ago(100))

    def due(seconds: float) -> bool:
        with world.database.read(EVERY_ORG) as session:
            return [world.id] == expiry.due_orgs(
                session,
                settings=world.settings,
                now=held.last_heartbeat_at + timedelta(seconds=seconds),
            )

    assert not due(119)
    assert due(120)
    world.sweep(held.last_heartbeat_at + timedelta(seconds=120))
    assert not due(121)


def test_a_presence_that_is_unseen_but_not_yet_swept_revives_in_silence(
    world: World, client: AppClient
) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account(), ago(600))
    versions = world.versions()
    assert world.post(client, ana, "heartbeat", presence_id=held.presence_id).status_code == 204
    assert world.versions() == versions
    assert world.sweep() == (0, 0)
