"""Guesses at two workers of a real server, and from addresses that a proxy tells."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import text

from context import Context
from models.reach import EVERY_ORG
from routes import sign_in_limit
from tests.support.databases import opened
from tests.support.server import copy_project, running_server
from tests.support.settings import SECRET_KEY, settings_for
from tests.support.sign_in_limit import LIMIT, UNKNOWN
from tests.support.world import World

ADDRESSES = [f"127.0.0.{number}" for number in range(2, 22)]


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
        assert sign_in_limit.address() == address


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
    with world.database.read(EVERY_ORG) as session:
        assert session.scalar(text("SELECT count(*) FROM rate_limits")) == 0
