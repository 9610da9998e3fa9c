"""What a service may do: every endpoint, asked with each scope, and from a page."""

import pytest

from models.database import Database
from services.rate_limits import Limit
from services.scopes import SCOPES
from settings import Settings
from tests.support.app_client import AppAnswer, AppClient
from tests.support.matrix import ENDPOINTS, Scene, fingerprint
from tests.support.problems import assert_problem
from tests.support.services import Made, service
from tests.support.world import World

RENEWAL = "POST /v1/sessions/renew"
WITH_BEARER = [name for name, endpoint in ENDPOINTS.items() if endpoint.to != "anyone"]
WITHOUT = [name for name, endpoint in ENDPOINTS.items() if endpoint.to == "anyone"]
ORIGINS = ("https://board.example", "https://elsewhere.example", "http://localhost", "null", "")


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_CORS_ORIGINS": ORIGINS[0]}


def call(
    scene: Scene, client: AppClient, name: str, made: Made, origin: str | None = None
) -> AppAnswer:
    headers = made.bearer if origin is None else {**made.bearer, "Origin": origin}
    return scene.call(client, name, "admin", headers)


def assert_insufficient(answer: AppAnswer, scope: str | None) -> None:
    assert_problem(answer, 403, "insufficient_scope")
    challenge = f'Bearer error="insufficient_scope", scope="{scope or "person"}"'
    assert answer.headers["WWW-Authenticate"] == challenge


def test_the_contracts_scopes_are_all_in_the_matrix() -> None:
    assert set(SCOPES) == {endpoint.scope for endpoint in ENDPOINTS.values()} - {None}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_service_may_do_what_its_scope_names_and_nothing_else(
    database: Database, settings: Settings, client: AppClient, scope: str
) -> None:
    """A new endpoint is in the matrix (test_authorisation.py), so it can't forget services."""
    scene = Scene(database, settings)
    made = service(scene.world, scope)
    untouched = fingerprint(scene.world), fingerprint(scene.other)
    for name in WITH_BEARER:
        if ENDPOINTS[name].scope == scope:
            continue
        answer = call(scene, client, name, made)
        if name == RENEWAL:
            assert_problem(answer, 403, "not_renewable")
        else:
            assert_insufficient(answer, ENDPOINTS[name].scope)
    assert (fingerprint(scene.world), fingerprint(scene.other)) == untouched
    for name in WITH_BEARER:
        if ENDPOINTS[name].scope == scope:
            scene = Scene(database, settings)
            made, elsewhere = service(scene.world, scope), fingerprint(scene.other)
            answer = call(scene, client, name, made)
            assert answer.status_code == ENDPOINTS[name].ok, (name, answer.text)
            assert fingerprint(scene.other) == elsewhere, name


def test_no_page_may_use_a_services_token_whatever_its_scopes(
    database: Database, settings: Settings, client: AppClient
) -> None:
    scene = Scene(database, settings)
    made = service(scene.world)
    untouched = fingerprint(scene.world)
    for number, name in enumerate(WITH_BEARER):
        answer = call(scene, client, name, made, ORIGINS[number % len(ORIGINS)])
        assert_insufficient(answer, ENDPOINTS[name].scope)
        assert "browser" in answer.json["detail"]
    for origin in ORIGINS:
        assert_insufficient(call(scene, client, "GET /v1/accounts", made, origin), "presence:read")
    assert fingerprint(scene.world) == untouched


def test_a_page_may_ask_first_as_for_anyone(world: World, client: AppClient) -> None:
    """A preflight carries no token, so it can't tell."""
    asked = {"Origin": ORIGINS[0], "Access-Control-Request-Method": "GET"}
    assert client.options("/v1/presence", headers=asked).status_code == 204


def test_what_needs_no_token_ignores_a_services(
    database: Database, settings: Settings, client: AppClient
) -> None:
    scene = Scene(database, settings)
    made = service(scene.world, "history:read")
    for name in WITHOUT:
        answer = call(scene, client, name, made, ORIGINS[0])
        assert answer.status_code == ENDPOINTS[name].ok, name


def test_a_service_of_another_org_finds_nothing_of_ours(
    database: Database, settings: Settings, client: AppClient
) -> None:
    scene = Scene(database, settings)
    made = service(scene.other)
    untouched = fingerprint(scene.world)
    for name in WITH_BEARER:
        endpoint = ENDPOINTS[name]
        if endpoint.scope and endpoint.foreign:
            assert_problem(call(scene, client, name, made), *endpoint.foreign)
        elif endpoint.scope:
            answer = call(scene, client, name, made)
            assert "Maya" not in answer.text, name
            assert "Acme" not in answer.text, name
    assert fingerprint(scene.world) == untouched


def test_a_service_that_is_refused_is_counted_as_any_member(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routes.write_limit.LIMIT", Limit(20, window_seconds=60))
    made = service(world, "history:read")
    answers = [
        client.post("/v1/admin/accounts", json={"name": "New"}, headers=made.bearer)
        for _ in range(40)
    ]
    codes = [answer.json["code"] for answer in answers]
    assert codes[0] == "insufficient_scope"
    assert codes[-1] == "too_many_requests"
