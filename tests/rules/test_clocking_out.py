"""Clocking out over HTTP, and how a presence ended."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from models import Membership
from services import presences
from services.presences import Held
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, dump


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
