"""Bodies that are no JSON, no object, or of other types: the right problem, and nothing changes."""

import io
import json
from typing import Any

from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.sender import WITH_BODY, Sender
from tests.support.world import World

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
