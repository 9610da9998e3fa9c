"""Rotating the secret key: old tokens and codes are good as long as their key is a fallback."""

from dataclasses import replace

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from models.session import Database
from problems import assert_problem
from routes.context import Context, attach
from services import keys
from settings import Settings
from world import World

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
    client: FlaskClient,
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
    client: FlaskClient,
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
    client: FlaskClient,
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
