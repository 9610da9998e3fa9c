"""The server's log: a line for each refused sign-in, lockout, 403 and 5xx, and no secret in it."""

import asyncio
import re

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

import metrics
import problem_log
from services import clocking, signing_in
from tests.support.app_client import AppClient
from tests.support.asgi_client import ask, started
from tests.support.log_lines import Lines
from tests.support.world import World

NAMED = {"Request-Id": "id-1"}
FROM = {"REMOTE_ADDR": "192.0.2.1"}
UNKNOWN = "K7QF-9TWM-2XHP"


def problems(status: int, code: str) -> float:
    """How many of these the metrics count."""
    labels = {"status": str(status), "code": code}
    return metrics.REGISTRY.get_sample_value("presence_problems_total", labels) or 0.0


def test_a_403_is_logged_with_who_where_and_which(
    world: World, client: AppClient, lines: Lines
) -> None:
    ana, before = world.va(), problems(403, "admin_only")
    headers = world.bearer(ana) | NAMED
    client.get("/v1/admin/accounts", headers=headers, environ_overrides=FROM)
    assert lines() == [
        f"GET /v1/admin/accounts: 403 admin_only member={ana.id} address=192.0.2.1 request_id=id-1"
    ]
    assert problems(403, "admin_only") == before + 1


def test_a_refused_sign_in_and_a_lockout_are_logged(
    world: World, client: AppClient, lines: Lines
) -> None:
    assert world.org()
    for path in ("sessions", "clock-in"):
        for _ in range(6):
            client.post(
                f"/v1/{path}",
                json={"access_code": UNKNOWN},
                headers=NAMED,
                environ_overrides=FROM,
            )
    found = lines()
    assert len(found) == 12
    assert found[0].startswith("POST /v1/sessions: 401 access_code_rejected ")
    assert found[6].startswith("POST /v1/clock-in: 401 access_code_rejected ")
    assert found[11].startswith("POST /v1/clock-in: 429 too_many_attempts ")
    assert all(line.endswith(" address=192.0.2.1 request_id=id-1") for line in found)
    assert not [line for line in found if "K7QF" in line]


def test_a_fault_is_logged_with_its_id_and_a_traceback(
    world: World,
    client: AppClient,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    ana = world.va()
    monkeypatch.setattr(clocking, "clock_out", broken)
    client.post("/v1/clock-out", headers=world.bearer(ana) | NAMED, environ_overrides=FROM)
    assert "Request id-1 failed" in caplog.text
    assert "RuntimeError: broken" in caplog.text
    assert lines() == [
        f"POST /v1/clock-out: 500 internal_error member={ana.id} address=192.0.2.1 request_id=id-1"
    ]


def test_a_database_that_cannot_answer_is_logged_with_what_it_reported(
    world: World, client: AppClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(session: Session, *_: object, **__: object) -> None:
        if world.database.is_sqlite:
            session.execute(text("PRAGMA busy_timeout = 0"))
        session.execute(text("UPDATE orgs SET name = 'A secret'"))  # in a transaction that reads

    ana = world.va()
    bearer = world.bearer(ana)
    monkeypatch.setattr(signing_in, "own_presence", written)
    with world.changing():  # SQLite's one writer
        client.get("/v1/me", headers=bearer | NAMED, environ_overrides=FROM)
    sqlite, postgresql = "SQLITE_BUSY", "ReadOnlySqlTransaction sqlstate=25006"
    assert lines() == [
        f"GET /v1/me: 503 database_unavailable member={ana.id}"
        f" cause={sqlite if world.database.is_sqlite else postgresql}"
        " address=192.0.2.1 request_id=id-1"
    ]


def test_what_went_well_or_was_only_wrong_is_not_logged(
    world: World, client: AppClient, lines: Lines
) -> None:
    ana, ben, acme = world.va(), world.va("Ben Cruz"), world.account()
    world.clock_in(ben, acme)
    assert world.get(client, ana).status_code == 200
    assert world.post(client, ana, "clock-in", account_id=str(acme.id)).status_code == 409
    assert client.get("/v1/nothing").status_code == 404
    assert client.get("/v1/me").status_code == 401
    assert lines() == []


def test_nothing_that_a_client_wrote_is_in_a_line(
    world: World, client: AppClient, lines: Lines
) -> None:
    ana = world.va()
    forged = "\n403 admin_only member=forged\x1b[31m\u2028"
    for headers in ({"Request-Id": forged}, {"X-Forwarded-For": forged}, {"User-Agent": forged}):
        safe = {name: value.replace("\n", "\r\t").encode() for name, value in headers.items()}
        environ = {
            f"HTTP_{name.upper().replace('-', '_')}": value.decode("latin-1")
            for name, value in safe.items()
        }
        client.get(
            "/v1/admin/accounts?colour=%0aforged",
            headers=world.bearer(ana),
            environ_overrides={**FROM, **environ},
        )
        client.delete(
            f"/v1/admin/presence/{ana.id}",
            headers=world.bearer(ana),
            environ_overrides={"REMOTE_ADDR": "forged\n", **environ},
        )
    found = lines()
    assert len(found) >= 3
    assert all(re.fullmatch(r"[\x20-\x7e]+", line) for line in found)
    assert not [line for line in found if "forged" in line]


def test_the_gate_logs_its_503s_and_faults(
    world: World, app: Flask, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = world.va()
    headers = world.bearer(ana) | {"request-id": "id-1"}

    async def tell() -> None:
        async with started(app) as application:
            assert (await ask(application, headers)).status == 200
            await ask(application, {"authorization": "Bearer x"})
            assert lines() == []

            def broken(*_: object, **__: object) -> None:
                raise RuntimeError("broken")

            for error, status, code in (
                (broken, 500, "internal_error"),
                (unavailable, 503, "database_unavailable"),
            ):
                monkeypatch.setattr(application.gate._responder, "answer", error)
                answered = await ask(application, headers)
                assert (answered.status, answered.json["code"]) == (status, code)
                assert answered.header("request-id") == answered.json["request_id"] == "id-1"
                assert lines() == [
                    f"GET /v1/presence: {status} {code} member={ana.id} address=127.0.0.1"
                    " request_id=id-1"
                ]
            assert application.counters.problems[503, "database_unavailable"] >= 1
            assert application.counters.problems[401, "not_authenticated"] >= 1

    asyncio.run(tell())


def unavailable(*_: object, **__: object) -> None:
    from live.watch_cache import Unavailable

    raise Unavailable


def test_a_flood_leaves_lines_out_and_says_so(
    world: World, client: AppClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(problem_log, "monotonic", lambda: now)
    monkeypatch.setattr(problem_log, "LINES_PER_MINUTE", 3)
    monkeypatch.setattr(problem_log, "_budgets", problem_log._Budgets())
    headers = world.bearer(world.va())
    now = 1.0
    for _ in range(5):
        client.get("/v1/admin/accounts", headers=headers)
    client.post("/v1/sessions", json={"access_code": UNKNOWN})
    found = lines()
    assert [line.split()[3] for line in found] == ["admin_only"] * 3 + ["access_code_rejected"]
    now = 62.0
    client.get("/v1/admin/accounts", headers=headers)
    left_out, line = lines()
    assert left_out == "2 more lines of admin_only were left out"
    assert " 403 admin_only " in line
