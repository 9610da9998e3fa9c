"""DELETE /v1/admin/presence?stale_for=…: an admin clears all that were unseen for so long."""

from collections.abc import Callable
from typing import Any

import pytest

from models.reach import EVERY_ORG
from services import heartbeats, presences
from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago, dump

PATH = "admin/presence"


def test_those_unseen_for_long_are_cleared_and_no_others(world: World, client: AppClient) -> None:
    maya, ana, ben, fay = world.admin(), world.va(), world.va("Ben Cruz"), world.va("Fay Lim")
    gone = world.clock_in(ana, world.account(), ago(1801))
    lately = world.clock_in(ben, world.account("Heron"), ago(1700))
    here = world.clock_in(fay, world.account("Cedar"))
    world.sweep()
    answer = world.delete(client, maya, PATH, stale_for=1800)
    assert answer.status_code == 200
    assert answer.json == {
        "cleared": [
            {
                "account_id": str(gone.account_id),
                "user_id": str(ana.user_id),
                "display_name": "Ana Reyes",
                "last_seen_at": rfc3339(gone.last_heartbeat_at),
            }
        ],
        "dry_run": False,
    }
    assert answer.headers["Presence-Version"] == str(world.org().version)
    left = {held.presence_id for held in world.held()}
    assert left == {lately.presence_id, here.presence_id}
    event = world.events()[-1]
    assert (event.kind, event.presence_id) == ("force_clear", gone.presence_id)
    assert (event.actor_id, event.reason) == (maya.user_id, "unseen for 1800 s")
    assert (utc_now() - event.occurred_at).total_seconds() < 60


def test_all_are_cleared_by_one_raise_of_the_versions(world: World, client: AppClient) -> None:
    maya = world.admin()
    for number in range(5):
        world.clock_in(world.va(f"VA {number}"), world.account(f"Account {number}"), ago(600))
    va_version = world.org().va_version
    answer = world.delete(client, maya, PATH, stale_for=120)
    assert len(answer.json["cleared"]) == 5
    assert world.held() == []
    cleared = [event for event in world.events() if event.kind == "force_clear"]
    assert {event.version for event in cleared} == {world.org().version}
    assert len(cleared) == 5
    assert world.org().va_version > va_version


def test_a_dry_run_lists_the_same_and_changes_nothing(world: World, client: AppClient) -> None:
    maya = world.admin()
    world.clock_in(world.va(), world.account(), ago(600))
    before = dump(world.database)
    tried = world.delete(client, maya, PATH, stale_for=300, dry_run="true")
    assert (tried.status_code, tried.json["dry_run"]) == (200, True)
    assert tried.headers["Presence-Version"] == str(world.org().version)
    assert dump(world.database) == before
    done = world.delete(client, maya, PATH, stale_for=300, dry_run="false")
    assert done.json["cleared"] == tried.json["cleared"] != []


def test_where_all_are_here_nothing_changes(world: World, client: AppClient) -> None:
    maya = world.admin()
    world.clock_in(world.va(), world.account())
    before = dump(world.database)
    answer = world.delete(client, maya, PATH, stale_for=120)
    assert answer.json == {"cleared": [], "dry_run": False}
    assert dump(world.database) == before


def test_a_presence_that_ran_out_expires_and_is_not_cleared(
    world: World, client: AppClient
) -> None:
    maya = world.admin()
    world.expired(world.va(), world.account())
    answer = world.delete(client, maya, PATH, stale_for=120)
    assert answer.json["cleared"] == []
    assert world.kinds() == ["clock_in", "expire"]


# On SQLite the one writer lets no heartbeat in between.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_heartbeat_between_the_read_and_the_write_saves_the_presence(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    maya, ana = world.admin(), world.va()
    held = world.clock_in(ana, world.account(), ago(600))
    read: Callable[..., Any] = presences.alive_where

    def read_then_beat(*arguments: Any) -> Any:
        found = read(*arguments)
        with world.database.write(EVERY_ORG) as session:
            assert heartbeats.beat(
                session, ana, held.presence_id, settings=world.settings, now=utc_now()
            )
        return found

    monkeypatch.setattr(presences, "alive_where", read_then_beat)
    answer = world.delete(client, maya, PATH, stale_for=300)
    assert answer.json["cleared"] == []
    assert [each.presence_id for each in world.held()] == [held.presence_id]


def test_a_va_clears_nothing(world: World, client: AppClient) -> None:
    ana = world.va()
    world.clock_in(ana, world.account(), ago(600))
    before = dump(world.database)
    for dry_run in ("true", "false"):
        answer = world.delete(client, ana, PATH, stale_for=120, dry_run=dry_run)
        assert_problem(answer, 403, "admin_only")
    assert dump(world.database) == before


def test_another_orgs_presences_stay(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Other org")
    other.clock_in(other.va(), other.account(), ago(600))
    answer = world.delete(client, world.admin(), PATH, stale_for=120)
    assert answer.json["cleared"] == []
    assert len(other.held()) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "stale_for"),
        ({"stale_for": "119"}, "stale_for"),
        ({"stale_for": "0"}, "stale_for"),
        ({"stale_for": "-1800"}, "stale_for"),
        ({"stale_for": "+1800"}, "stale_for"),
        ({"stale_for": "1_800"}, "stale_for"),
        ({"stale_for": " 1800"}, "stale_for"),
        ({"stale_for": "30m"}, "stale_for"),
        ({"stale_for": "9" * 40}, "stale_for"),
        ({"stale_for": "1800", "dry_run": "yes"}, "dry_run"),
        ({"stale_for": "1800", "dry_run": ""}, "dry_run"),
        ({"stale_for": "1800", "reason": "x"}, "reason"),
    ],
)
def test_a_bad_query_is_refused_before_who_calls_is_checked(
    client: AppClient, query: dict[str, str], field: str
) -> None:
    answer = client.delete(f"/v1/{PATH}", query_string=query)
    assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == [field]
