"""Guessing access codes: ten refused ones from one address in a minute, then it has to wait."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from context import Context
from live import sweeper
from models import RateLimit
from models.database import Database
from models.reach import EVERY_ORG
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.sign_in_limit import (
    LIMIT,
    UNKNOWN,
    assert_has_to_wait,
    assert_refused,
    attempt,
    exhaust,
)
from tests.support.world import World, ago

Clock = Callable[[float], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Moves the limit's clock so many seconds on."""
    now = utc_now()

    def move_on(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    monkeypatch.setattr("routes.sign_in_limit.utc_now", lambda: now)
    return move_on


def rows(database: Database) -> int:
    """Addresses that are counted."""
    counted = select(func.count()).where(RateLimit.key.startswith("access codes/"))
    with database.read(EVERY_ORG) as session:
        return session.scalar(counted) or 0


def test_after_ten_refused_codes_no_code_is_looked_at(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    code = world.code(ana)
    exhaust(client)
    bodies: list[dict[str, Any]] = [{}, {"account_id": acme.id}]
    for body in bodies:
        assert_has_to_wait(attempt(client, **body))
        assert_has_to_wait(attempt(client, code, **body))
        assert_has_to_wait(attempt(client, "no code at all", **body))
    assert world.held() == []


def test_another_address_is_not_concerned(world: World, client: AppClient) -> None:
    code = world.code(world.va())
    exhaust(client)
    assert attempt(client, code, "192.0.2.2").status_code == 200
    assert_has_to_wait(attempt(client, code))


def test_both_endpoints_count_together(world: World, client: AppClient) -> None:
    acme = world.account()
    for _ in range(LIMIT // 2):
        assert_refused(attempt(client))
        assert_refused(attempt(client, account_id=acme.id))
    assert_has_to_wait(attempt(client))
    assert_has_to_wait(attempt(client, account_id=acme.id))


def test_right_codes_do_not_count_whatever_comes_of_them(world: World, client: AppClient) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    world.clock_in(world.va("Ben Cruz"), heron)
    code, bound = world.code(ana), world.code(ana, account=acme)
    for _ in range(LIMIT + 1):
        assert attempt(client, code).status_code == 200
        assert attempt(client, code, account_id=acme.id).status_code in (200, 201)
        assert attempt(client, code, account_id=heron.id).status_code == 409
        assert attempt(client, bound, account_id=heron.id).status_code == 403
    exhaust(client)
    assert_has_to_wait(attempt(client, code))
    assert rows(world.database) == 1


def test_all_that_is_no_good_counts(world: World, client: AppClient) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    codes = ["", "no code at all", UNKNOWN, world.code(ana, expires_at=ago(1)), world.code(ben)]
    world.deactivate(ben)
    for code in codes * 2:
        assert_refused(attempt(client, code))
    assert_has_to_wait(attempt(client))


def test_what_is_no_attempt_does_not_count(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    bearer, connected = world.bearer(ana), {"REMOTE_ADDR": "192.0.2.1"}
    for _ in range(LIMIT + 1):
        answer = client.post("/v1/sessions", json={}, environ_overrides=connected)
        assert_problem(answer, 422, "validation_failed")
        answer = client.post("/v1/clock-in", json={}, environ_overrides=connected)
        assert_problem(answer, 401, "not_authenticated")
    exhaust(client)
    for _ in range(LIMIT + 1):
        answer = client.post(
            "/v1/clock-in",
            json={"account_id": acme.id},
            headers=bearer,
            environ_overrides=connected,
        )
        assert answer.status_code in (200, 201)


def test_no_minute_has_more_than_ten(world: World, client: AppClient, clock: Clock) -> None:
    assert_refused(attempt(client))
    clock(50)
    for _ in range(LIMIT - 1):
        assert_refused(attempt(client))
    assert 10 <= assert_has_to_wait(attempt(client)) <= 11
    clock(11)
    assert_refused(attempt(client))
    assert 49 <= assert_has_to_wait(attempt(client)) <= 50
    clock(49.5)
    code = world.code(world.va())
    assert attempt(client, code).status_code == 200
    for _ in range(LIMIT - 1):
        assert_refused(attempt(client))
    assert_has_to_wait(attempt(client, code))


def test_the_sweep_forgets_what_has_passed(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhaust(client)
    context = Context(world.settings, world.database)
    sweeper.delete_old_rows(context)
    assert_has_to_wait(attempt(client))
    now = utc_now() + timedelta(seconds=61)
    monkeypatch.setattr(sweeper, "utc_now", lambda: now)
    sweeper.delete_old_rows(context)
    assert rows(world.database) == 0


def test_no_code_is_kept(world: World, client: AppClient) -> None:
    attempt(client, "K7QF-9TWM-2XHP")
    with world.database.read(EVERY_ORG) as session:
        (row,) = session.execute(select(RateLimit)).all()
        kept = repr([vars(each) for each in row])
    assert "192.0.2.1" in kept
    assert "K7QF" not in kept.upper()
    assert "9TWM" not in kept.upper()
