"""What requests cost in statements: a poll is cheap, and a read writes nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.support.app_client import AppClient
from tests.support.world import World, ago, dump

# The driver, or a listener of models/database.py, sends these around every transaction.
NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "SET")

Counting = Callable[[], Any]


@pytest.fixture
def counting(app: Flask) -> Counting:
    engine = app.extensions["presence"].database.engine

    @contextmanager
    def counting() -> Iterator[list[str]]:
        statements: list[str] = []

        def keep(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.split()[0] not in NOT_COUNTED:
                statements.append(statement)

        event.listen(engine, "before_cursor_execute", keep)
        try:
            yield statements
        finally:
            event.remove(engine, "before_cursor_execute", keep)

    return counting


@pytest.mark.parametrize("role", ["admin", "va"])
def test_an_unchanged_poll_runs_two_statements_and_reads_no_presence(
    world: World, client: AppClient, counting: Counting, role: str
) -> None:
    member = world.admin() if role == "admin" else world.va()
    world.clock_in(world.va("Ben Cruz"), world.account())
    for path in ("presence", "accounts"):
        tag = world.get(client, member, path).headers["ETag"]
        with counting() as statements:
            assert world.get(client, member, path, if_none_match=tag).status_code == 304
        assert 1 <= len(statements) <= 2, statements
        assert not [each for each in statements if "account_presence" in each]


def test_a_changed_poll_runs_four_statements_for_any_number_of_members(
    world: World, client: AppClient, counting: Counting
) -> None:
    maya = world.admin()
    for number in range(10):
        world.clock_in(world.va(f"VA {number}"), world.account(f"Account {number}"))
    for accept in ("application/json", "text/plain", "text/csv", "application/x-ndjson"):
        with counting() as statements:
            answer = world.get(client, maya, accept=accept, if_none_match='"old"')
        assert answer.status_code == 200
        assert 1 <= len(statements) <= 4, statements


@pytest.mark.parametrize("by", ["code", "bearer"])
@pytest.mark.parametrize("kind", ["new", "switch", "again"])
def test_a_clock_in_with_a_key_runs_five_statements_and_by_code_four_more(
    world: World, client: AppClient, counting: Counting, by: str, kind: str
) -> None:
    ana, acme = world.va(), world.account()
    if kind == "switch":
        world.clock_in(ana, world.account("Blue Heron Bakery"))
    elif kind == "again":
        world.clock_in(ana, acme, ago(600))
        world.sweep()
    body: dict[str, Any] = {"account_id": acme.id}
    headers = {"Idempotency-Key": "one"}
    if by == "code":
        body["access_code"] = world.code(ana)
    else:
        headers |= world.bearer(ana)
    with counting() as statements:
        answer = client.post("/v1/clock-in", json=body, headers=headers)
    assert answer.status_code == (200 if kind == "again" else 201)
    # Whose code it is, and how often its address was refused; then a session begins: its row, the
    # code's last use, and the audit log.
    most = 9 if by == "code" else 5
    assert 1 <= len(statements) <= most, statements


def test_a_sign_in_runs_five_statements_and_counts_nothing(
    world: World, client: AppClient, counting: Counting
) -> None:
    code = world.code(world.va())
    for most in (6, 5):  # the accounts are read once
        with counting() as statements:
            answer = client.post("/v1/sessions", json={"access_code": code})
        assert answer.status_code == 200
        assert 1 <= len(statements) <= most, statements
        assert not [each for each in statements if "INTO rate_limits" in each]


def test_a_heartbeat_of_a_fresh_presence_runs_three_statements_at_most(
    world: World, client: AppClient, counting: Counting
) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account(), ago(60))
    for _ in range(2):
        with counting() as statements:
            answer = world.post(client, ana, "heartbeat", presence_id=held.presence_id)
        assert answer.status_code == 204
        assert 1 <= len(statements) <= 3, statements
        assert not [each for each in statements if "orgs SET" in each or "FOR NO KEY" in each]


def test_a_get_writes_nothing(world: World, client: AppClient, counting: Counting) -> None:
    members = [world.admin(), world.va()]
    world.expired(members[1], world.account())  # tempting to end
    before = dump(world.database)
    with counting() as statements:
        for member in members:
            for path in ("presence", "accounts", "me"):
                assert world.get(client, member, path).status_code == 200
        for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
            assert client.get(path).status_code == 200
    assert statements
    assert not [each for each in statements if not each.lstrip().startswith(("SELECT", "PRAGMA"))]
    assert dump(world.database) == before


def test_no_view_is_wrapped_for_what_is_only_documented(app: Flask) -> None:
    """Once for each thing that it takes, once for its answer, once for other formats."""
    for name, view in app.view_functions.items():
        within: Any = view
        for _ in range(4):
            within = getattr(within, "__wrapped__", within)
        assert not hasattr(within, "__wrapped__"), name
