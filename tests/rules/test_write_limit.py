"""A member may write 120 times in a minute, whatever the answers, over all workers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from models import Membership, RateLimit
from models.reach import EVERY_ORG
from routes import write_limit
from services.times import utc_now
from tests.support.app_client import AppAnswer, AppClient
from tests.support.asgi_client import counting
from tests.support.problems import assert_problem
from tests.support.world import World, ago

MOST = 120  # contract.md, "Errors"
UNKNOWN = "K7QF-9TWM-2XHP"

Clock = Callable[[float], None]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Moves the limit's clock so many seconds on; it stands still otherwise."""
    now = utc_now()

    def move_on(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    monkeypatch.setattr(write_limit, "utc_now", lambda: now)
    return move_on


def assert_has_to_wait(answer: AppAnswer) -> int:
    assert_problem(answer, 429, "too_many_requests")
    return int(answer.headers["Retry-After"])


def write(world: World, client: AppClient, member: Membership, times: int) -> None:
    """Write so often, which changes nothing."""
    for _ in range(times):
        assert world.post(client, member, "clock-out").status_code == 200


def rows(world: World) -> list[str]:
    with world.database.read(EVERY_ORG) as session:
        return list(session.scalars(select(RateLimit.key)))


def test_the_121st_write_in_a_minute_has_to_wait(
    world: World, client: AppClient, clock: Clock
) -> None:
    ana, ben, acme = world.va(), world.va("Ben Cruz"), world.account()
    write(world, client, ana, 20)
    clock(30)
    write(world, client, ana, MOST - 20)
    assert 30 <= assert_has_to_wait(world.post(client, ana, "clock-out")) <= 31
    assert_has_to_wait(world.post(client, ana, "clock-in", account_id=acme.id))
    assert world.held() == []
    write(world, client, ben, 1)
    assert world.get(client, ana).status_code == 200
    clock(31)
    write(world, client, ana, 20)
    assert 29 <= assert_has_to_wait(world.post(client, ana, "clock-out")) <= 30


def test_whatever_was_answered_counts(world: World, client: AppClient) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    world.clock_in(world.va("Ben Cruz"), acme)
    calls: list[tuple[int, str, dict[str, Any]]] = [
        (409, "clock-in", {"account_id": acme.id}),
        (404, "clock-in", {"account_id": uuid4()}),
        (422, "clock-in", {}),
        (422, "clock-in", {"account_id": "x"}),
        (422, "clock-out", {"reason": "x"}),
        (410, "clock-out", {"presence_id": uuid4()}),
        (403, "admin/accounts", {"name": "New"}),
        (403, f"admin/members/{ana.id}/revoke-tokens", {}),
        (201, "clock-in", {"account_id": heron.id}),
        (200, "clock-in", {"account_id": heron.id}),
        (200, "clock-out", {}),
        (200, "sessions/renew", {}),
    ]
    assert MOST % len(calls) == 0
    for number in range(MOST):
        status, path, body = calls[number % len(calls)]
        assert world.post(client, ana, path, **body).status_code == status
    assert_has_to_wait(world.post(client, ana, "clock-in", account_id=acme.id))
    assert_has_to_wait(world.post(client, ana, "sessions/renew"))


def test_repeats_of_an_idempotency_key_count(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    for _ in range(MOST):
        answer = world.post(client, ana, "clock-in", account_id=acme.id, key="one")
        assert answer.status_code == 201
    assert_has_to_wait(world.post(client, ana, "clock-in", account_id=acme.id, key="one"))
    assert world.kinds() == ["clock_in"]


def test_clocking_in_by_code_counts_for_its_member(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    body = {"access_code": world.code(ana), "account_id": str(acme.id)}
    write(world, client, ana, MOST - 20)
    for _ in range(20):
        assert client.post("/v1/clock-in", json=body).status_code in (200, 201)
    assert_has_to_wait(client.post("/v1/clock-in", json=body))
    assert_has_to_wait(world.post(client, ana, "clock-out"))


def test_heartbeats_and_sign_ins_do_not_count(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    held, code = world.clock_in(ana, acme), world.code(ana)
    for _ in range(MOST):
        assert world.post(client, ana, "heartbeat", presence_id=held.presence_id).status_code == 204
        assert world.post(client, ana, "heartbeat", presence_id=uuid4()).status_code == 410
        assert world.post(client, ana, "heartbeat").status_code == 422
        assert client.post("/v1/sessions", json={"access_code": code}).status_code == 200
    write(world, client, ana, MOST)
    assert_has_to_wait(world.post(client, ana, "clock-out"))
    assert world.post(client, ana, "heartbeat", presence_id=uuid4()).status_code == 410
    assert client.post("/v1/sessions", json={"access_code": code}).status_code == 200


def test_signing_out_is_possible_at_any_time(world: World, client: AppClient) -> None:
    ana = world.va()
    elsewhere = client.post("/v1/sessions", json={"access_code": world.code(ana)}).json
    assert elsewhere is not None
    write(world, client, ana, MOST)
    assert_has_to_wait(world.post(client, ana, "clock-out"))
    for session in (elsewhere["session_id"], "current"):
        path = f"/v1/me/sessions/{session}" if session != "current" else "/v1/sessions/current"
        assert client.delete(path, headers=world.bearer(ana)).status_code == 204


def test_an_admins_writes_count_for_the_admin(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account()
    for number in range(MOST):
        answer = world.patch(client, maya, f"admin/accounts/{acme.id}", name=f"Acme {number}")
        assert answer.status_code == 200
    assert_has_to_wait(world.delete(client, maya, f"admin/presence/{acme.id}"))
    assert_has_to_wait(world.patch(client, maya, f"admin/accounts/{acme.id}", archived=True))


def test_two_workers_count_together(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, workers = world.va(), (write_limit.Writers(), write_limit.Writers())
    for number in range(MOST):
        monkeypatch.setattr(write_limit, "_writers", workers[number % 2])
        write(world, client, ana, 1)
    for worker in workers:
        monkeypatch.setattr(write_limit, "_writers", worker)
        assert_has_to_wait(world.post(client, ana, "clock-out"))


def test_a_few_writes_need_no_row_and_many_one(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    for _ in range(2):
        world.post(client, ana, "clock-in", account_id=acme.id)
        world.post(client, ana, "clock-out")
    assert rows(world) == []
    write(world, client, ana, 20)
    assert rows(world) == [f"writes/{ana.id}"]


def test_who_has_to_wait_costs_the_database_nothing(world: World, client: AppClient) -> None:
    ana, bearer = world.va(), {}
    write(world, client, ana, MOST)
    assert_has_to_wait(world.post(client, ana, "clock-out"))
    bearer = world.bearer(ana)
    with counting(client.application.extensions["presence"].database) as statements:
        for _ in range(10):
            assert_has_to_wait(client.post("/v1/clock-out", json={}, headers=bearer))
            client.post("/v1/clock-out", json={"x": 1}, headers=bearer)
    assert statements == []


def test_nobody_else_makes_a_member_wait(world: World, client: AppClient) -> None:
    ana = world.va()
    revoked = world.bearer(ana)
    world.revoke_tokens(ana)
    for _ in range(MOST + 5):
        assert client.post("/v1/clock-out", json={}, headers=revoked).status_code == 401
        assert (
            client.post("/v1/clock-out", json={"reason": "x"}, headers=revoked).status_code == 422
        )
    for number in range(15):
        client.post(
            "/v1/clock-in",
            json={"access_code": UNKNOWN, "account_id": str(uuid4())},
            environ_overrides={"REMOTE_ADDR": f"192.0.2.{number}"},
        )
    write(world, client, ana, MOST)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_limit, "WRITERS", 100)
    writers, now = write_limit.Writers(), ago(0).timestamp()
    for _ in range(1000):
        writers.add((uuid4(), uuid4()), now)
    assert len(writers._writers) == 100
