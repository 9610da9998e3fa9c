"""When an issuer's keys are read, which ones are taken, and for how long. Time is passed in."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from models.database import Database
from models.reach import EVERY_ORG
from tests.support.issuer import DISCOVERY, JWKS, Issuer, key, send
from tests.support.issuer_process import START, Start


def test_keys_are_read_at_the_start_and_every_300_s(start: Start, issuer: Issuer) -> None:
    process = start()
    assert process.step(0) == {"one"}
    assert process.step(299) == {"one"}
    assert issuer.fetches == 1
    issuer.keys = [key("two")]
    assert process.step(300) == {"two"}
    assert issuer.fetches == 2


def test_a_thousand_unknown_kids_make_one_fetch_in_30_s(start: Start, issuer: Issuer) -> None:
    process = start()
    process.step(0)
    for number in range(1, 1000):
        process.known.want_others()
        process.step(1 + 0.029 * number)
    assert issuer.fetches == 2
    issuer.keys.append(key("two"))
    process.known.want_others()
    assert process.step(32) == {"one", "two"}
    assert issuer.fetches == 3


def test_processes_share_what_one_has_read(start: Start, issuer: Issuer) -> None:
    processes = [start() for _ in range(3)]
    assert [process.step(0) for process in processes] == [{"one"}] * 3
    issuer.keys = [key("two")]
    for process in processes:
        process.known.want_others()
    assert [process.step(5) for process in processes] == [{"two"}] * 3
    assert [process.step(300) for process in processes] == [{"two"}] * 3
    assert issuer.fetches == 2
    assert [process.step(305.5) for process in processes] == [{"two"}] * 3
    assert issuer.fetches == 3


def test_the_last_good_keys_serve_for_24_h_over_a_restart_too(start: Start, issuer: Issuer) -> None:
    process = start()
    process.step(0)
    issuer.is_away = True
    day = 24 * 3600
    assert process.step(day - 1) == {"one"}
    assert start().step(day - 1) == {"one"}
    assert process.known.state(START + timedelta(minutes=20)) == "keys of 20 minutes ago"
    assert process.step(day + 1) == set()
    assert start().step(day + 2) == set()
    assert process.known.state(START + timedelta(days=1, seconds=1)) == "no keys"
    issuer.is_away = False
    assert process.step(day + 60) == {"one"}


@pytest.mark.parametrize("row", ["[{}]", "7", '[{"kid": "x", "kty": "of a later release"}]'])
def test_stored_keys_of_another_form_are_read_anew(
    start: Start, issuer: Issuer, database: Database, row: str
) -> None:
    start().step(0)
    with database.write(EVERY_ORG) as session:
        session.execute(text("UPDATE issuer_keys SET keys = :keys"), {"keys": row})
    assert start().step(300) == {"one"}


def test_one_name_for_another_key_is_gone(start: Start, issuer: Issuer) -> None:
    first, second = key("one"), replace(key("two"), kid="one")
    issuer.keys = [first, second]
    process = start()
    process.step(0)
    issuer.keys = [second]
    process.step(300)
    assert [name.kid for _, gone in process.heard for name in gone] == ["one"]


def test_clocks_that_differ_by_seconds_cause_no_more_fetches(start: Start, issuer: Issuer) -> None:
    ahead, behind = start(), start()
    for second in range(640):
        ahead.step(second + 5)
        behind.step(second)
    assert issuer.fetches == 3


def test_an_issuer_that_is_away_at_the_start_is_asked_again(start: Start, issuer: Issuer) -> None:
    issuer.is_away = True
    process = start()
    assert [process.step(at) for at in (0, 5, 29)] == [set()] * 3
    assert process.known.state(START) == "no keys"
    assert issuer.fetches == 1
    issuer.is_away = False
    assert process.step(30) == {"one"}
    assert process.known.state(START) == "ok"


def test_a_database_that_is_away_changes_nothing(
    start: Start, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(Database, "read", fail)
    monkeypatch.setattr(Database, "write", fail)
    process = start()
    assert [process.step(at) for at in (0, 5, 299)] == [{"one"}] * 3
    assert issuer.fetches == 1
    assert process.step(301) == {"one"}
    assert issuer.fetches == 2


def test_a_key_that_is_gone_or_another_one_is_told_of(start: Start, issuer: Issuer) -> None:
    process = start()
    process.step(0)
    issuer.keys = [key("one"), key("two")]
    process.step(300)
    issuer.keys = [key("two")]
    process.step(600)
    (_, none), (_, still_none), (_, gone) = process.heard
    assert (none, still_none) == (frozenset(), frozenset())
    assert {name.kid for name in gone} == {"one"}
    again = key("two").public | {"x": key("one").public["x"], "y": key("one").public["y"]}
    issuer.answers[JWKS] = lambda: {"keys": [again]}
    process.step(900)
    assert {name.kid for name in process.heard[-1][1]} == {"two"}


def test_the_discovery_document_says_where_the_keys_are(start: Start, issuer: Issuer) -> None:
    assert start(jwks=None).step(0) == {"one"}
    assert issuer.asked[DISCOVERY] == 1


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"issuer": "https://else.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://192.0.2.1/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://[::1/jwks"},
        {"jwks_uri": "https://x/" + "x" * 3000},
    ],
    ids=str,
)
def test_a_discovery_document_of_another_form_is_not_believed(
    start: Start, issuer: Issuer, document: Any
) -> None:
    whole = issuer.discovery() | document if document else document
    issuer.answers[DISCOVERY] = lambda: whole
    assert start(jwks=None).step(0) == set()
    assert issuer.fetches == 0


def test_keys_may_be_in_a_file(start: Start, issuer: Issuer, tmp_path: Any) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(issuer.key_set()))
    process = start(jwks=str(file))
    assert process.step(0) == {"one"}
    file.write_text(json.dumps({"keys": [key("two").public]}))
    assert process.step(300) == {"two"}
    file.unlink()
    assert process.step(600) == {"two"}
    assert issuer.fetches == 0


def _redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/auth/v1/elsewhere")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def _large(handler: BaseHTTPRequestHandler) -> None:
    send(handler, json.dumps({"keys": [], "x": "x" * 1_000_000}).encode())


def _endless_head(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(20_000):
        handler.wfile.write(b"X-%d: %s\r\n" % (number, b"x" * 50))


def _compressed(handler: BaseHTTPRequestHandler) -> None:
    send(handler, b"\x1f\x8b", Content_Encoding="gzip")


def _dripping(handler: BaseHTTPRequestHandler) -> None:
    """Always something within the time of one read."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def _no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


@pytest.mark.parametrize(
    "answer",
    [_redirect, _large, _endless_head, _compressed, _no_http],
    ids=lambda answer: answer.__name__,
)
def test_what_is_not_a_small_key_set_changes_nothing(
    start: Start, issuer: Issuer, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    process = start()
    process.step(0)
    issuer.answers[JWKS] = answer
    issuer.answers["/elsewhere"] = issuer.key_set
    assert process.step(300) == {"one"}
    assert issuer.asked["/elsewhere"] == 0


def test_a_slow_drip_ends_in_time(
    start: Start, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("issuers.keys.SECONDS", 0.3)
    issuer.answers[JWKS] = _dripping
    process, begun = start(), time.monotonic()
    assert process.step(0) == set()
    assert time.monotonic() - begun < 2
