"""Rotating the secret key: old tokens and codes are good as long as their key is a fallback."""

import json
import os
import urllib.request
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from flask import Flask

from context import Context, attach
from dev_postgres import own_postgres
from models.database import Database
from services import keys
from settings import Settings
from tests.support.app_client import AppClient
from tests.support.connection import Connection
from tests.support.databases import opened
from tests.support.pollers import Crowd, Poller
from tests.support.problems import assert_problem
from tests.support.server import copy_project, running_server
from tests.support.settings import settings_for
from tests.support.stage import wait_until
from tests.support.world import World

POLLERS = int(os.environ.get("PRESENCE_POLLERS", "60"))
NEW_KEY = b"another one for tests: thirty-two bytes or more"


@pytest.fixture
def rotated(settings: Settings) -> Settings:
    """With a new key, and the old one as fallback."""
    return replace(settings, secret_key=NEW_KEY, secret_key_fallbacks=settings.secret_keys)


def with_settings(app: Flask, databases: tuple[Database, Database], settings: Settings) -> None:
    """From now on the app has these."""
    attach(app, Context(settings, databases[1]))


def kid_of(token: str) -> str:
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


def test_old_tokens_and_codes_are_good_and_new_tokens_are_made_with_the_new_key(
    world: World,
    app: Flask,
    client: AppClient,
    databases: tuple[Database, Database],
    rotated: Settings,
) -> None:
    ana = world.va()
    code, old = world.code(ana), world.bearer(ana)
    with_settings(app, databases, rotated)
    assert client.get("/v1/presence", headers=old).status_code == 200
    signed_in = client.post("/v1/sessions", json={"access_code": code}).json["token"]
    renewed = client.post("/v1/sessions/renew", json={}, headers=old).json["token"]
    new = keys.signing_key(rotated).kid
    assert kid_of(signed_in) == kid_of(renewed) == new != keys.signing_key(world.settings).kid
    for token in (signed_in, renewed):
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/v1/presence", headers=headers).status_code == 200


def test_without_the_fallback_old_tokens_and_codes_are_worthless(
    world: World,
    app: Flask,
    client: AppClient,
    databases: tuple[Database, Database],
    rotated: Settings,
) -> None:
    ana = world.va()
    code, old = world.code(ana), world.bearer(ana)
    with_settings(app, databases, replace(rotated, secret_key_fallbacks=()))
    refused = client.get("/v1/presence", headers=old)
    assert_problem(refused, 401, "not_authenticated", reason="invalid")
    answer = client.post("/v1/sessions", json={"access_code": code})
    assert_problem(answer, 401, "access_code_rejected")


def test_a_worker_that_has_only_heard_of_the_new_key_takes_its_tokens_and_codes(
    world: World,
    app: Flask,
    client: AppClient,
    databases: tuple[Database, Database],
    rotated: Settings,
) -> None:
    """Half of the machines have swapped the keys, the other half have the new one as fallback."""
    of_new = World(databases[0], rotated, "Made by a worker that has swapped")
    ana = of_new.va()
    code, bearer = of_new.code(ana), of_new.bearer(ana)
    with_settings(app, databases, replace(world.settings, secret_key_fallbacks=(NEW_KEY,)))
    assert client.get("/v1/presence", headers=bearer).status_code == 200
    assert client.post("/v1/sessions", json={"access_code": code}).status_code == 200


def test_a_code_that_is_entered_is_stored_anew_under_the_current_key(
    world: World,
    app: Flask,
    client: AppClient,
    databases: tuple[Database, Database],
    rotated: Settings,
) -> None:
    ana, acme = world.va(), world.account()
    entered, forgotten = [world.code(ana), world.code(ana, account=acme)], world.code(ana)
    with_settings(app, databases, rotated)
    for path, code in zip(("sessions", "clock-in"), entered, strict=True):
        answer = client.post(f"/v1/{path}", json={"access_code": code})
        assert answer.status_code in (200, 201)
    with_settings(app, databases, replace(rotated, secret_key_fallbacks=()))
    for code, status in ((entered[0], 200), (entered[1], 200), (forgotten, 401)):
        answer = client.post("/v1/sessions", json={"access_code": code})
        assert answer.status_code == status


@pytest.mark.usefixtures("many_connections")
def test_nobody_is_signed_out_while_old_and_new_servers_run_side_by_side(tmp_path: Path) -> None:
    """As docs/operating.md says: both know the new key, one by one they swap."""
    old, new = (f"key {number} for tests: thirty-two bytes or more" for number in (1, 2))
    with own_postgres() as postgres:
        common = {"DATABASE_URL": postgres.url}
        keys_of = (
            {"PRESENCE_SECRET_KEY": old, "PRESENCE_SECRET_KEY_FALLBACKS": new},
            {"PRESENCE_SECRET_KEY": new, "PRESENCE_SECRET_KEY_FALLBACKS": old},
        )
        project = copy_project(tmp_path / "presence")
        with (
            running_server(project, "--workers", "1", **common, **keys_of[0]) as before,
            running_server(project, "--workers", "1", **common, **keys_of[1]) as after,
            opened(postgres.url) as database,
        ):
            world = World(database, settings_for(postgres.url, **keys_of[0]))
            ana = world.va()
            code, urls = world.code(ana), (before.url, after.url)
            signed_in = [sign_in(url, code) for url in (*urls, *urls)]
            assert len({kid_of(token) for token in signed_in}) == 2
            everyone = [world.token(ana), *signed_in]
            pollers = [
                Poller(urls[number % 2], everyone[number % len(everyone)], "va", 1.0)
                for number in range(POLLERS)
            ]
            former: list[Connection] = []
            with Crowd(pollers) as crowd:
                for _ in range(3):
                    seen = [len(poller.polls) for poller in pollers]
                    wait_until(
                        lambda seen=seen: all(
                            len(poller.polls) > so_far + 1
                            for poller, so_far in zip(pollers, seen, strict=True)
                        )
                    )
                    former += crowd.do(move(pollers, urls))
                crowd.do(close(former))
            assert crowd.statuses == {200, 304}
            assert crowd.lost == []


async def move(pollers: list[Poller], urls: tuple[str, str]) -> list[Connection]:
    """The load balancer sends all to the other server.

    :returns: the former connections, on which a request may still be under way
    """
    former = [poller.connection for poller in pollers]
    for poller in pollers:
        there = urls[0] if poller.connection.address.geturl() == urls[1] else urls[1]
        poller.connection = Connection(there)
    return former


async def close(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()


def sign_in(url: str, code: str) -> str:
    asked = urllib.request.Request(  # noqa: S310 - our own server
        f"{url}/v1/sessions",
        data=json.dumps({"access_code": code}).encode(),
        headers={"Content-Type": "application/json"},
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(asked, timeout=30) as answer:
        token: str = json.load(answer)["token"]
        return token
