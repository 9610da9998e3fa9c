"""Codes and tokens are never in a log, in an error, or in the database in the clear."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

import app as app_module
from dev_postgres import free_port
from services import clocking
from services.change import Change
from tests.support.app_client import AppClient
from tests.support.settings import SECRET_KEY
from tests.support.world import World, dump

ROOT = Path(app_module.__file__).parent


def forms_of(code: str, token: str) -> list[str]:
    """What must not be found: a code as shown and as normalised, a token and its parts."""
    return [code, code.lower(), code.replace("-", ""), token, *token.split(".")[1:], SECRET_KEY]


def everything(world: World, client: AppClient) -> list[str]:
    """Use a code and a token in every way, well and badly; what each answer said but once."""
    maya, ana, acme = world.admin(), world.va(), world.account()
    code, token = world.code(ana), world.token(ana)
    key, bearer = {"Idempotency-Key": "one"}, {"Authorization": f"Bearer {token}"}
    body = {"access_code": code, "account_id": acme.id}
    refused = []
    for unknown in ({**body, "x": code}, {**body, code: 1}):
        refused.append(client.post("/v1/sessions", json=unknown, headers={**key, **bearer}))
    for path in ("/v1/sessions", "/v1/clock-in"):
        for bad in (
            {**body, code: 1, "occurred_at": code},
            {**body, "account_id": code},
            {"access_code": [code]},
            {"access_code": code + "X"},
        ):
            refused.append(client.post(path, json=bad, headers={**key, **bearer}))
        refused.append(client.post(path, data=code + token, content_type="application/json"))
    client.post("/v1/sessions", json={"access_code": code})
    client.post("/v1/clock-in", json=body, headers=key)
    client.post("/v1/clock-in", json=body, headers=key)
    refused.append(client.post("/v1/clock-in", json={**body, "account_id": maya.id}, headers=key))
    for path in ("sessions/renew", "clock-out", "heartbeat"):
        client.post(f"/v1/{path}", json={}, headers=bearer)
        refused.append(
            client.post(f"/v1/{path}", json={token: code, "presence_id": code}, headers=bearer)
        )
    for path in ("presence", "accounts", "me", "nothing"):
        client.get(f"/v1/{path}", headers=bearer)
        refused.append(client.get(f"/v1/{path}", headers={"Authorization": f"Bearer {token}x"}))
    refused.append(client.delete(f"/v1/admin/presence/{acme.id}", headers=bearer))
    assert all(answer.status_code >= 400 for answer in refused)
    # What the client itself named a field is named back; its values are not.
    for answer in refused:
        errors = (answer.get_json(force=True) or {}).get("errors", {})
        said = answer.text
        for name in errors:
            said = said.replace(name, "")
        assert not [each for each in forms_of(code, token) if each in said]
    return forms_of(code, token)


def test_no_log_and_no_error_tells_a_secret(
    world: World, client: AppClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = everything(world, client)
    logged = caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert not [each for each in secrets if each in logged]


def test_a_fault_tells_neither_sql_nor_a_stack_nor_a_secret(
    world: World,
    client: AppClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana, acme = world.va(), world.account()
    code, token = world.code(ana), world.token(ana)

    def broken(change: Change, caller: object, **_: object) -> None:
        change.session.execute(text("INSERT INTO idempotency_keys (key) VALUES ('one')"))

    monkeypatch.setattr(clocking, "clock_in", broken)
    body = {"access_code": code, "account_id": acme.id}
    answer = client.post("/v1/clock-in", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 500
    for leak in ("INSERT", "idempotency_keys", "Traceback", "sqlalchemy", ".py", "Error"):
        assert leak not in answer.text.replace("Internal error", "").replace("internal_error", "")
    # Row-level security, or the constraint: whichever comes first is a fault.
    assert "IntegrityError" in caplog.text or "ProgrammingError" in caplog.text
    for secret in forms_of(code, token):
        assert secret not in answer.text
        assert secret not in caplog.text


def test_the_database_keeps_no_secret_in_the_clear(world: World, client: AppClient) -> None:
    secrets = everything(world, client)
    rows = "".join(row for rows in dump(world.database).values() for row in rows)
    assert "access_codes" in dump(world.database)
    assert not [each for each in secrets if each in rows]
    url = world.settings.database_url
    if url.get_backend_name() == "sqlite":
        files = [Path(f"{url.database}{suffix}") for suffix in ("", "-wal")]
        kept = b"".join(path.read_bytes() for path in files)
        assert b"Ana Reyes" in kept
        assert not [each for each in secrets if each.encode() in kept]


def ask(port: int, method: str, path: str, **options: object) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, **options)  # type: ignore[arg-type]
        return connection.getresponse().status
    finally:
        connection.close()


def wait_until_up(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if ask(port, "GET", "/readyz") == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the server did not start")


def test_the_server_prints_no_secret(world: World, database_url: str) -> None:
    ana = world.va()
    code, token = world.code(ana), world.token(ana)
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"),
            # As talkative as it can be made.
            *("--log-level", "debug", "asgi:application"),
        ],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url, "PRESENCE_SECRET_KEY": SECRET_KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until_up(port)
        json_ = {"Content-Type": "application/json"}
        bearer = {"Authorization": f"Bearer {token}"}
        good, bad = f'{{"access_code": "{code}"}}', f'{{"access_code": "{code}", '
        assert ask(port, "POST", "/v1/sessions", body=good, headers=json_) == 200
        assert ask(port, "POST", "/v1/sessions", body=bad, headers=json_) == 400
        assert ask(port, "POST", "/v1/clock-in", body=good, headers={**json_, **bearer}) == 422
        assert ask(port, "GET", "/v1/presence", headers=bearer) == 200
        assert ask(port, "GET", "/v1/presence", headers={"Authorization": f"Bearer {code}"}) == 401
        assert ask(port, "GET", f"/v1/presence?token={token}") == 422
        assert ask(port, "GET", f"/v1/presence?access_code={code}", headers=bearer) == 422
    finally:
        server.send_signal(signal.SIGTERM)
        printed, _ = server.communicate(timeout=60)
    assert "Listening at" in printed
    assert not [each for each in forms_of(code, token) if each in printed]


def test_a_shown_database_url_has_no_password() -> None:
    url = make_url("postgresql+psycopg2://user:hunter2@host/name")
    assert not re.search("hunter2", repr(url) + str(url))
