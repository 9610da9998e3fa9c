"""Whatever is sent, the answer is the right problem, and nothing changes."""

import io
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago, dump

Json = dict[str, Any]

WITH_BODY = ["sessions", "sessions/renew", "clock-in", "clock-out", "heartbeat"]
NOT_JSON = [
    b"{",
    b"}",
    b"nonsense",
    b"{'reason': 'user'}",
    b'{"reason": "user",}',
    b'{"reason": NaN}',
    b'{"reason": Infinity}',
    b'{"reason": -Infinity}',
    b'{"reason": ' + b"9" * 5000 + b"}",
    b"\xff\xfe{}",
    b'{"reason": "\xff"}',
    b"\xef\xbb\xbf{}",
    b"\x00",
    b'{"reason": "a\x00b"}',
    b"[" * 60_000,
    b'{"a":' * 10_000,
]
NOT_OBJECTS = ["[]", "[{}]", "null", "true", "0", "1e999", '"x"', "[" * 500 + "]" * 500]
DEEP = json.loads('{"a":' * 100 + "1" + "}" * 100)
WRONG: list[Any] = [None, True, 0, -1, 1.5, 10**400, [], ["x"], {}, DEEP]
UUID_ = "00000000-0000-4000-8000-000000000000"
NOT_IDS = ["", "x", "\x00", "\ud800", "0" * 32, f"{{{UUID_}}}", f"urn:uuid:{UUID_}", "é" * 36]
NOT_TIMES = [
    "",
    "x",
    "\x00",
    "\ud800",
    "now",
    "2026-11-22",
    "2026-11-22T12:00:00",
    "2026-13-01T00:00:00Z",
    "2026-W01-1T00:00:00Z",
    "20260101T000000Z",
    "2026-01-01T00:00Z",
    "99999-01-01T00:00:00Z",
    "2026-11-22T12:00:00+99:99",
]
FIELDS: list[tuple[str, str, list[Any]]] = [
    ("sessions", "access_code", WRONG),
    ("clock-in", "access_code", WRONG),
    ("clock-in", "account_id", WRONG + NOT_IDS),
    ("clock-in", "occurred_at", WRONG + NOT_TIMES),
    ("clock-out", "presence_id", WRONG + NOT_IDS),
    ("clock-out", "reason", [*WRONG, "", "x", "User", "\x00", "\ud800", "expire"]),
    ("clock-out", "occurred_at", WRONG + NOT_TIMES),
    ("heartbeat", "presence_id", WRONG + NOT_IDS),
]
ODD_NAMES = ["extra", "", "\x00", "\ud800", "__proto__", "_schema", "self", "x" * 1000, "é"]


class Sender:
    """A client whose requests must all be refused and change nothing."""

    def __init__(self, world: World, client: AppClient) -> None:
        self.world, self.client = world, client
        self.ana = world.va()
        self.held = world.clock_in(self.ana, world.account(), ago(600))
        self.code = world.code(self.ana)
        self.bearer = world.bearer(self.ana)

    def good(self, path: str) -> Json:
        """A body that would be taken."""
        account = {"account_id": str(self.held.account_id)}
        presence = {"presence_id": str(self.held.presence_id)}
        bodies = {
            "sessions": {"access_code": self.code},
            "clock-in": account,
            "clock-out": presence,
            "heartbeat": presence,
        }
        return bodies.get(path, {})

    def send(self, path: str, data: bytes | str, **headers: str) -> AppAnswer:
        return self.client.post(
            f"/v1/{path}",
            data=data,
            content_type=headers.pop("content_type", "application/json"),
            headers={**self.bearer, **headers},
        )


@pytest.fixture
def sender(world: World, client: AppClient) -> Iterator[Sender]:
    sender = Sender(world, client)
    before = dump(world.database)
    yield sender
    assert dump(world.database) == before


def test_what_is_not_json_is_malformed(sender: Sender) -> None:
    for path in WITH_BODY:
        for data in NOT_JSON:
            assert_problem(sender.send(path, data), 400, "malformed_request")


def test_a_body_that_is_no_object_fails_validation(sender: Sender) -> None:
    for path in WITH_BODY:
        for data in NOT_OBJECTS:
            assert_problem(sender.send(path, data), 422, "validation_failed")


def test_a_field_of_another_type_is_named(sender: Sender) -> None:
    for path, field, values in FIELDS:
        for value in values:
            data = json.dumps(sender.good(path) | {field: value})
            answer = sender.send(path, data)
            assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == [field]


def test_an_unknown_field_is_named(sender: Sender) -> None:
    for name in ODD_NAMES:
        answer = sender.send("sessions", json.dumps(sender.good("sessions") | {name: "x"}))
        assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == [name]


def test_a_number_too_large_for_a_float_is_of_another_type(sender: Sender) -> None:
    for path, field, _ in FIELDS:
        good = {name: value for name, value in sender.good(path).items() if name != field}
        data = json.dumps(good | {field: 0}).replace(f'"{field}": 0', f'"{field}": 1e999')
        answer = sender.send(path, data)
        assert_problem(answer, 422, "validation_failed")


def test_a_body_that_is_not_called_json_is_unsupported(sender: Sender) -> None:
    for path in WITH_BODY:
        data = json.dumps(sender.good(path) or {"x": 1})
        for content_type in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonx",
            "",
        ):
            answer = sender.send(path, data, content_type=content_type)
            assert_problem(answer, 415, "unsupported_media_type")


def test_a_body_above_64_kib_is_too_large(sender: Sender) -> None:
    for path in WITH_BODY:
        for size in (64 * 1024 + 1, 1_000_000):
            padded = json.dumps(sender.good(path)).ljust(size).encode()
            assert_problem(sender.send(path, padded), 413, "too_large")
            chunked = sender.client.post(
                f"/v1/{path}",
                input_stream=io.BytesIO(padded),
                content_type="application/json",
                headers={**sender.bearer, "Transfer-Encoding": "chunked"},
                environ_overrides={"wsgi.input_terminated": True},
            )
            assert_problem(chunked, 413, "too_large")
    answer = sender.client.get("/v1/presence", data=b"x" * 1_000_000, headers=sender.bearer)
    assert_problem(answer, 413, "too_large")
    path = f"/v1/admin/presence/{sender.held.account_id}"
    answer = sender.client.delete(path, data=b"x" * 1_000_000, headers=sender.bearer)
    assert_problem(answer, 413, "too_large")


def test_a_body_of_64_kib_is_read(world: World, client: AppClient) -> None:
    sender = Sender(world, client)
    for path in WITH_BODY:
        padded = json.dumps(sender.good(path)).ljust(64 * 1024)
        assert sender.send(path, padded).status_code in (200, 204, 410)


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


def test_a_field_given_twice_is_refused(sender: Sender) -> None:
    for path in WITH_BODY:
        assert_problem(sender.send(path, '{"x": 1, "x": 1}'), 400, "malformed_request")


def test_an_encoded_body_is_unsupported(sender: Sender) -> None:
    for path in WITH_BODY:
        data = json.dumps(sender.good(path) or {"x": 1})
        answer = sender.send(path, data, **{"Content-Encoding": "gzip"})
        assert_problem(answer, 415, "unsupported_media_type")
        answer = sender.send(path, data, content_type="application/json; charset=utf-16")
        assert_problem(answer, 415, "unsupported_media_type")
