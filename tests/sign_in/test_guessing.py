"""Guessing access codes: ten refused ones from one address in a minute, then it has to wait."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from context import Context
from live import sweeper
from models import RateLimit
from models.session import Database
from routes import guessing
from services import refused_sign_ins
from services.times import utc_now
from tests.support.app_client import AppAnswer, AppClient
from tests.support.asgi_client import counting
from tests.support.databases import opened
from tests.support.problems import assert_problem
from tests.support.server import copy_project, running_server
from tests.support.settings import SECRET_KEY, settings_for
from tests.support.world import World, ago

LIMIT = 10  # contract.md, "Errors"
UNKNOWN = "0000-0000-0000"
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 22)]

Clock = Callable[[float], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Moves the limit's clock so many seconds on."""
    now = utc_now()

    def move_on(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    monkeypatch.setattr("routes.guessing.utc_now", lambda: now)
    return move_on


def attempt(
    client: AppClient, code: str = UNKNOWN, address: str = "192.0.2.1", **body: Any
) -> AppAnswer:
    """Sign in, or clock in where an ``account_id`` is given."""
    path = "clock-in" if body else "sessions"
    return client.post(
        f"/v1/{path}",
        json={"access_code": code, **body},
        headers={"Request-Id": "attempt"},
        environ_overrides={"REMOTE_ADDR": address},
    )


def assert_refused(answer: AppAnswer) -> None:
    assert_problem(answer, 401, "access_code_rejected")


def assert_has_to_wait(answer: AppAnswer) -> int:
    """:returns: the seconds"""
    assert_problem(answer, 429, "too_many_attempts")
    seconds = int(answer.headers["Retry-After"])
    assert 1 <= seconds <= 61
    return seconds


def exhaust(client: AppClient, address: str = "192.0.2.1") -> None:
    for _ in range(LIMIT):
        assert_refused(attempt(client, address=address))


def rows(database: Database) -> int:
    """Addresses that are counted."""
    counted = select(func.count()).where(RateLimit.key.startswith("access codes/"))
    with database.read() as session:
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
    sweeper.forget_old(context)
    assert_has_to_wait(attempt(client))
    now = utc_now() + timedelta(seconds=61)
    monkeypatch.setattr(sweeper, "utc_now", lambda: now)
    sweeper.forget_old(context)
    assert rows(world.database) == 0


def test_no_code_is_kept(world: World, client: AppClient) -> None:
    attempt(client, "K7QF-9TWM-2XHP")
    with world.database.read() as session:
        (row,) = session.execute(select(RateLimit)).all()
        kept = repr([vars(each) for each in row])
    assert "192.0.2.1" in kept
    assert "K7QF" not in kept.upper()
    assert "9TWM" not in kept.upper()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("trusted", "connected", "forwarded", "address"),
    [
        (0, "192.0.2.1", None, "192.0.2.1"),
        (0, "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (1, "192.0.2.1", None, "192.0.2.1"),
        (1, "192.0.2.1", "198.51.100.7", "198.51.100.7"),
        (1, "192.0.2.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (2, "192.0.2.1", "203.0.113.9, 198.51.100.7", "203.0.113.9"),
        (2, "192.0.2.1", "6.6.6.6, 203.0.113.9, 198.51.100.7", "203.0.113.9"),
        (2, "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (1, "192.0.2.1", "198.51.100.7:4711", "198.51.100.7"),
        (1, "192.0.2.1", "[2001:db8:1:2::7]:4711", "2001:db8:1:2::"),
        (1, "192.0.2.1", "nonsense", "unknown"),
        (0, "", None, "unknown"),
        (0, "2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::"),
        (0, "2001:db8:1:2:ffff::1", None, "2001:db8:1:2::"),
        (0, "2001:db8:1:3::1", None, "2001:db8:1:3::"),
        (0, "fe80::1%eth0", None, "fe80::"),
        (0, "::ffff:192.0.2.1", None, "192.0.2.1"),
    ],
)
def test_the_address_is_who_is_connected_or_what_a_trusted_proxy_says(
    app: Flask, trusted: int, connected: str, forwarded: str | None, address: str
) -> None:
    url = str(app.extensions["presence"].settings.database_url)
    context = Context(
        settings_for(url, PRESENCE_TRUSTED_PROXIES=str(trusted)),
        app.extensions["presence"].database,
    )
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    app.extensions["presence"] = context
    with app.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": connected}):
        assert guessing.address() == address


def test_an_expired_code_is_answered_as_an_unknown_one_is(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In status, in body, and in time, though each refusal of it is kept."""
    monkeypatch.setattr(refused_sign_ins, "MOST_OF_A_CODE", 10_000)
    expired = world.code(world.va(), expires_at=ago(1))
    addresses = (f"10.{n >> 8}.{n & 255}.1" for n in itertools.count())
    answers = set()

    def differs_in_time() -> bool:
        spent: dict[str, list[float]] = {expired: [], UNKNOWN: []}
        for _ in range(150):
            for code, times in spent.items():
                begun = perf_counter()
                answer = attempt(client, code, next(addresses))
                times.append(perf_counter() - begun)
                headers = {name: value for name, value in answer.headers if name != "Date"}
                answers.add((answer.status_code, answer.data, json.dumps(headers, sort_keys=True)))
        low, _, high = quantiles(spent[UNKNOWN])
        return abs(median(spent[expired]) - median(spent[UNKNOWN])) > high - low

    # What else this machine does may show once, but not again and again.
    assert not all(differs_in_time() for _ in range(3))
    assert len(answers) == 1


def test_an_expired_code_asks_the_database_for_what_an_unknown_one_does(
    world: World, client: AppClient
) -> None:
    known = world.code(world.va(), expires_at=ago(1))
    database = client.application.extensions["presence"].database
    asked = []
    for code in (known, UNKNOWN):
        with counting(database) as statements:
            attempt(client, code)
        asked.append(statements)
    assert asked[0] == asked[1]
    assert [event.kind for event in world.log()][-1] == "sign_in_refused"


@pytest.fixture
def served(database_url: str, tmp_path: Path) -> Iterator[tuple[World, str]]:
    """A world, and the host and port at which two workers serve it."""
    given = {"DATABASE_URL": database_url, "PRESENCE_SECRET_KEY": SECRET_KEY}
    project = copy_project(tmp_path / "presence")
    with (
        running_server(project, "--workers", "2", **given) as server,
        opened(database_url) as database,
    ):
        world = World(database, settings_for(database_url))
        yield world, urlsplit(server.url).netloc


def statuses(netloc: str, address: str, codes: list[str]) -> Counter[int]:
    """What is answered to ``codes``, sent from ``address`` by connections of their own."""
    found: Counter[int] = Counter()
    for number, code in enumerate(codes):
        connection = HTTPConnection(netloc, timeout=60, source_address=(address, 0))
        with closing(connection):
            # A header that nobody was told to trust.
            headers = {"Content-Type": "application/json", "X-Forwarded-For": f"6.6.6.{number}"}
            connection.request("POST", "/v1/sessions", json.dumps({"access_code": code}), headers)
            found[connection.getresponse().status] += 1
    return found


def test_of_2000_guesses_from_20_addresses_at_two_workers_200_are_looked_at(
    served: tuple[World, str],
) -> None:
    world, netloc = served
    code = world.code(world.va())
    callers = [address for address in ADDRESSES for _ in range(2)]
    begun = monotonic()
    with ThreadPoolExecutor(len(callers)) as pool:
        found = list(pool.map(lambda each: statuses(netloc, each, [UNKNOWN] * 50), callers))
    of_address = [one + other for one, other in zip(found[::2], found[1::2], strict=True)]
    minutes = 1 + int(monotonic() - begun) // 60  # more than one only on a very busy machine
    for found_of in of_address:
        assert found_of.keys() == {401, 429}
        assert found_of.total() == 100
        assert LIMIT <= found_of[401] <= LIMIT * minutes
    assert statuses(netloc, ADDRESSES[0], [UNKNOWN] * LIMIT + [code])[200] == 0
    assert statuses(netloc, "127.0.0.99", [code]) == Counter({200: 1})


def test_members_behind_one_address_who_sign_in_at_once_are_let_in(
    served: tuple[World, str],
) -> None:
    world, netloc = served
    codes = [world.code(world.va(f"VA {number}")) for number in range(40)]
    with ThreadPoolExecutor(len(codes)) as pool:
        found = list(pool.map(lambda code: statuses(netloc, "127.0.0.50", [code] * 3), codes))
    assert sum(found, Counter()) == Counter({200: 120})
    with world.database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM rate_limits")) == 0
