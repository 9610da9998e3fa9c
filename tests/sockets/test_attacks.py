"""Attacks: others are served while one stands, and afterwards the server holds what it held before.

``PRESENCE_ATTACKS=full`` makes them three to ten times as large.
"""

import random
import socket
from collections.abc import Callable, Iterator
from itertools import chain
from string import ascii_lowercase
from typing import Any
from uuid import uuid4

import pytest

from dev_postgres import own_postgres
from tests.support.attacks import (
    LARGEST_ASSET,
    MORE,
    WIDER,
    assert_holds_little,
    connections,
    get,
    keeping_memory,
    memory,
    post,
    read_all,
    send_what_is_taken,
    serve_others,
    statuses,
    warm,
)
from tests.support.stage import Stage, staged_on, wait_until

RANDOM = random.Random(10)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server of its own, whose memory is measured."""
    with own_postgres() as postgres, staged_on(postgres, tmp_path_factory.mktemp("attacks")) as it:
        wait_until(lambda: it.feeds == (2, 0))
        warm(it, it.world.token(it.world.va()))
        yield it
        it.assert_quiet()


@pytest.fixture
def token(stage: Stage) -> str:
    """A VA's."""
    return stage.world.token(stage.world.va())


def poll(**headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"method": "GET", "url": "/v1/presence", "headers": named}


def test_who_reads_no_answer_stops_nobody(stage: Stage, token: str) -> None:
    before = memory(stage)
    with keeping_memory(stage), connections(stage, 24 * WIDER) as clients:
        for client in clients:
            client.sendall(get(LARGEST_ASSET) * 5)
        serve_others(stage, token)
        assert_holds_little(stage, before)


def test_many_requests_at_once_are_not_kept(stage: Stage, token: str) -> None:
    before, bearer = memory(stage), f"Authorization: Bearer {token}"
    held = get("/v1/presence", bearer, "If-None-Match: *", "Prefer: wait=30")
    tiny = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with keeping_memory(stage), connections(stage, 20 * WIDER) as clients:
        for client in clients:
            send_what_is_taken(client, held + tiny * (256 * 1024 // len(tiny)))
        serve_others(stage, token)
        assert_holds_little(stage, before)


def test_requests_in_line_take_no_more_than_their_bytes(stage: Stage, token: str) -> None:
    before, bearer = memory(stage), f"Authorization: Bearer {token}"
    shortest = [f"{letter}:" for letter in ascii_lowercase] * 3
    held = get("/v1/presence", bearer, "If-None-Match: *", "Prefer: wait=30", *shortest)
    large = get("/v1/presence", "X: " + "x" * 14_000, *shortest)
    many = get("/v1/presence", *shortest * 47)
    with keeping_memory(stage), connections(stage, 60 * WIDER) as clients:
        for number, client in enumerate(clients):
            send_what_is_taken(client, held)
            send_what_is_taken(client, (large, many)[number % 2] * 7)
        serve_others(stage, token)
        assert_holds_little(stage, before)


def test_one_token_has_one_place_however_it_is_spelled(stage: Stage, token: str) -> None:
    def spelled(number: int) -> str:
        scheme = "".join(RANDOM.choice((each.lower(), each.upper())) for each in "bearer")
        return scheme + " " * (1 + number % 14_000) + token

    lengths = (RANDOM.randrange(10_000, 14_000) for _ in range(1000 * MORE))
    with keeping_memory(stage):
        found = statuses(stage, (poll(authorization=spelled(length)) for length in lengths))
        assert set(found) <= {200, 401}


def test_long_lists_in_headers_stop_nobody(stage: Stage, token: str) -> None:
    bearer = f"Bearer {token}"

    def polls() -> Iterator[dict[str, Any]]:
        for number in range(300 * MORE):
            yield poll(authorization=bearer, accept=f"a/{number}," + "a/b," * 3500)
            yield poll(authorization=bearer, if_none_match=f'"{number}",' + '"a",' * 3500)

    with keeping_memory(stage):
        assert set(statuses(stage, polls())) == {200}


def test_who_never_ends_a_request_stops_nobody(stage: Stage, token: str) -> None:
    before = memory(stage)
    head = b"POST /v1/sessions HTTP/1.1\r\nHost: presence\r\nContent-Type: application/json\r\n"
    unended = [
        b"",
        head + b"X: " + b"x" * 15_000,
        b"GET / HTTP/1.1\r\nHost: presence\r\n" + b"A: b\r\n" * 2000,
        head + b"Content-Length: 65536\r\n\r\n" + b" " * 60_000,
        head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 10_000,
        head + b"Content-Length: 4000000\r\n\r\n" + b" " * 60_000,
    ]
    with keeping_memory(stage), connections(stage, 60 * WIDER) as clients:
        for number, client in enumerate(clients):
            send_what_is_taken(client, unended[number % len(unended)])
            if number % 2:
                client.shutdown(socket.SHUT_WR)
        serve_others(stage, token)
        assert_holds_little(stage, before)
        for client in clients:  # and each comes to its end
            read_all(client)


def test_new_keys_for_old_requests_are_limited(stage: Stage, token: str) -> None:
    def writes() -> Iterator[dict[str, Any]]:
        for _ in range(200):
            headers = {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Idempotency-Key": str(uuid4()),
            }
            yield {"method": "POST", "url": "/v1/clock-out", "body": b"{}", "headers": headers}

    with keeping_memory(stage):
        found = statuses(stage, writes())
    # contract.md, "Errors"; the workers may learn of each other's a little late.
    assert set(found) == {200, 429}
    assert 120 <= found[200] <= 125


def test_unknown_tokens_are_not_kept(stage: Stage, token: str) -> None:
    head, claims, _ = token.split(".")
    forged = (f"{head}.{claims}.{number:043}" for number in range(200 * MORE))
    large = (f"{number}." + "x" * 14_000 for number in range(1500 * MORE))
    asked = (
        poll(authorization=f"Bearer {bearer}")
        | {"url": "/v1/presence" if number % 10 else "/v1/me"}
        for number, bearer in enumerate(chain(forged, large))
    )
    with keeping_memory(stage):
        assert set(statuses(stage, asked)) == {401}


JUNK: dict[str, Callable[[], bytes]] = {
    "bytes": lambda: RANDOM.randbytes(2000),
    "TLS": lambda: bytes.fromhex("1603010200010001fc0303") + RANDOM.randbytes(500),
    "HTTP/2": lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + RANDOM.randbytes(500),
    "a long line": lambda: b"GET /" + b"x" * 100_000,
    "a long method": lambda: b"X" * 100_000,
    "no version": lambda: b"GET /\r\n\r\n",
    "two lengths": lambda: post("/v1/sessions", b"{}", "Content-Length: 3"),
    "a cookie": lambda: get("/", "Cookie: " + "a=b; " * 3000),
    "a range": lambda: get(LARGEST_ASSET, "Range: bytes=" + "0-1," * 3000, "Connection: close"),
}


def test_junk_leaves_nothing_behind(stage: Stage, token: str) -> None:
    printed = len(stage.server.output)
    with keeping_memory(stage):
        for _ in range(20 * MORE):
            with connections(stage, len(JUNK)) as clients:
                for client, junk in zip(clients, JUNK.values(), strict=True):
                    send_what_is_taken(client, junk())
                    client.shutdown(socket.SHUT_WR)
                for client in clients:
                    read_all(client)
        serve_others(stage, token)
    assert len(stage.server.output) - printed < 2000
