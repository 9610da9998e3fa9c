"""Whatever is sent, the answer is the right problem, and nothing changes."""

import json
from typing import Any
from uuid import uuid4

from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem
from tests.support.sender import WITH_BODY, Json, Sender
from tests.support.world import World, dump


def test_an_unknown_query_parameter_is_named(sender: Sender) -> None:
    for name in ("x", "account_id", "prefer", "%00", "a%FF"):
        for path in WITH_BODY:
            answer = sender.send(f"{path}?{name}=1", json.dumps(sender.good(path)))
            assert len(assert_problem(answer, 422, "validation_failed")["errors"]) == 1
        for path in ("presence", "accounts", "me"):
            for ask in (sender.client.get, sender.client.head):
                answer = ask(f"/v1/{path}?{name}", headers=sender.bearer)
                assert answer.status_code == 422
    answer = sender.client.get("/v1/presence?x=1&y=2", headers=sender.bearer)
    assert set(assert_problem(answer, 422, "validation_failed")["errors"]) == {"x", "y"}


def test_a_bad_idempotency_key_is_named(sender: Sender) -> None:
    for path in ("clock-in", "clock-out"):
        for key in ("", "x" * 65, "x" * 10_000, "é", "\x00", "\x1f", "a\x7f"):
            answer = sender.send(path, json.dumps(sender.good(path)), **{"Idempotency-Key": key})
            errors = assert_problem(answer, 422, "validation_failed")["errors"]
            assert list(errors) == ["Idempotency-Key"]


def test_an_id_of_another_org_is_like_none(world: World, client: AppClient) -> None:
    sender, other = Sender(world, client), World(world.database, world.settings, "Another org")
    theirs = other.clock_in(other.admin(), other.account())
    before = dump(world.database)
    account = json.dumps({"account_id": str(theirs.account_id)})
    assert_problem(sender.send("clock-in", account), 404, "account_not_found")
    presence = json.dumps({"presence_id": str(theirs.presence_id)})
    for path in ("clock-out", "heartbeat"):
        answer = sender.send(path, presence)
        assert_problem(answer, 410, "presence_ended", reason="unknown")
    assert dump(world.database) == before


PATHS = [
    ("GET", "presence"),
    ("GET", "accounts"),
    ("GET", "me"),
    ("POST", "sessions/renew"),
    ("POST", "clock-in"),
    ("POST", "clock-out"),
    ("POST", "heartbeat"),
    ("DELETE", "admin/presence/{account_id}"),
]


def test_no_endpoint_takes_a_bad_token(sender: Sender) -> None:
    expired = sender.world.token(sender.ana, ttl_seconds=0)
    good = sender.bearer["Authorization"]
    for method, path in PATHS:
        for header, reason in (
            ("", "missing"),
            ("Basic eDp5", "missing"),
            ("Bearer", "invalid"),
            ("Bearer é", "invalid"),
            (f"Bearer {'x' * 8000}", "invalid"),
            (good[:-2], "invalid"),
            (f"Bearer {expired}", "expired"),
        ):
            answer = sender.client.open(
                f"/v1/{path}".format(account_id=sender.held.account_id),
                method=method,
                headers={"Authorization": header},
                json=sender.good(path) if method == "POST" else None,
            )
            assert_problem(answer, 401, "not_authenticated", reason=reason)


def test_unknown_paths_and_methods_are_problems(sender: Sender) -> None:
    for path in (
        "/nothing",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1//presence",
        "/v1/presence/",
        "/v1/%00",
        "/v1/%ff",
        "/v1/admin/presence/x",
        "/v1/admin/presence/" + "0" * 32,
        "/v1/admin/presence/" + str(uuid4()) + "x",
        "/" + "x" * 5000,
    ):
        for method in ("GET", "POST", "DELETE"):
            answer = sender.client.open(path, method=method, headers=sender.bearer)
            assert_problem(answer, 404, "not_found")
    for method, path, allowed in (
        ("POST", "/v1/presence", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/v1/accounts", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/v1/clock-in", {"POST", "OPTIONS"}),
        ("TRACE", "/v1/presence", {"GET", "HEAD", "OPTIONS"}),
        ("BREW", "/v1/heartbeat", {"POST", "OPTIONS"}),
        ("PUT", f"/v1/admin/presence/{uuid4()}", {"DELETE", "OPTIONS"}),
        ("POST", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ):
        answer = sender.client.open(path, method=method, headers=sender.bearer)
        assert_problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) == allowed


def test_checks_come_in_the_order_of_the_contract(world: World, client: AppClient) -> None:
    """Each request has every later fault too."""
    sender = Sender(world, client)
    large, other = b"x" * 70_000, sender.world.account("Blue Heron Bakery")
    ben = sender.world.va("Ben Cruz")
    bound = sender.world.bearer(ben, account=other)
    held = {"account_id": str(sender.held.account_id)}
    nowhere = {"account_id": str(uuid4())}

    def post(path: str, data: bytes | Json, headers: Any = None, **kind: str) -> AppAnswer:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        kind.setdefault("content_type", "application/json")
        return sender.client.post(f"/v1/{path}", data=body, headers=headers, **kind)

    text = {"content_type": "text/plain"}
    assert_problem(post("nothing?x=1", large, **text), 404, "not_found")
    assert_problem(post("presence?x=1", large, **text), 405, "method_not_allowed")
    assert_problem(post("clock-in?x=1", large, **text), 413, "too_large")
    assert_problem(post("clock-in", b"{", **text), 415, "unsupported_media_type")
    assert_problem(post("clock-in", b"{"), 400, "malformed_request")
    assert_problem(post("clock-in", {**held, "occurred_at": 1}), 422, "validation_failed")
    assert_problem(post("clock-in", held), 401, "not_authenticated")
    rejected = {**nowhere, "access_code": "x"}
    assert_problem(post("clock-in", rejected), 401, "access_code_rejected")
    assert_problem(post("clock-in", nowhere, bound), 403, "account_not_allowed")
    unbound = sender.world.bearer(ben)
    assert_problem(post("clock-in", nowhere, unbound), 404, "account_not_found")
    assert_problem(post("clock-in", held, unbound), 409, "account_occupied")
    clear = f"/v1/admin/presence/{uuid4()}"
    query = {"presence_id": str(uuid4())}
    answer = sender.client.delete(clear, query_string={"x": 1})
    assert_problem(answer, 422, "validation_failed")
    assert_problem(sender.client.delete(clear), 401, "not_authenticated")
    answer = sender.client.delete(clear, query_string=query, headers=unbound)
    assert_problem(answer, 403, "admin_only")
    maya = sender.world.bearer(sender.world.admin())
    answer = sender.client.delete(clear, query_string=query, headers=maya)
    assert_problem(answer, 404, "account_not_found")
