"""Browsers on other origins: who is let in, and what their pages may read."""

import asyncio

import pytest
from flask import Flask

import live.bodies
from live.application import Application
from tests.support.app_client import AppClient
from tests.support.asgi_client import ask, request, started
from tests.support.problems import assert_problem
from tests.support.world import World

LISTED = "https://app.example.com"
ALLOWED = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, Presence-Min-Version, "
    "Presence-Org, Request-Id"
)
EXPOSED = (
    "ETag, Link, X-Poll-Interval, Retry-After, Date, Preference-Applied, Presence-Version, "
    "Request-Id"
)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_CORS_ORIGINS": f"https://other.example.com:8443, {LISTED}"}


def preflight(client: AppClient, path: str, origin: str, method: str) -> dict[str, str]:
    answer = client.options(
        path, headers={"Origin": origin, "Access-Control-Request-Method": method}
    )
    assert 200 <= answer.status_code < 300
    assert answer.data == b""
    return dict(answer.headers)


def cors(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("Access-Control")}


def test_a_preflight_of_a_listed_origin_is_granted(world: World, client: AppClient) -> None:
    for path, method in (
        ("/v1/presence", "GET"),
        ("/v1/accounts", "GET"),
        ("/v1/me", "GET"),
        ("/v1/sessions", "POST"),
        ("/v1/sessions/renew", "POST"),
        ("/v1/clock-in", "POST"),
        ("/v1/clock-out", "POST"),
        ("/v1/heartbeat", "POST"),
        (f"/v1/admin/presence/{world.account().id}", "DELETE"),
    ):
        headers = preflight(client, path, LISTED, method)
        assert cors(headers) == {
            "Access-Control-Allow-Origin": LISTED,
            "Access-Control-Allow-Headers": ALLOWED,
            "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
            "Access-Control-Max-Age": "7200",
            "Access-Control-Expose-Headers": EXPOSED,
        }
        assert "Origin" in headers["Vary"]


def test_a_preflight_of_a_path_that_is_not_there_is_granted(
    world: World, client: AppClient
) -> None:
    granted = cors(preflight(client, "/v1/presence", LISTED, "GET"))
    for path in ("/v1/nope", "/v1/me/", "/v1/accounts/1/2", "/v1/admin/presence/no-id"):
        assert cors(preflight(client, path, LISTED, "POST")) == granted
        assert cors(preflight(client, path, "https://evil.example.com", "POST")) == {}
        answer = client.post(path, headers={"Origin": LISTED})
        assert assert_problem(answer, 404, "not_found")
        assert answer.headers["Access-Control-Allow-Origin"] == LISTED


def test_a_preflight_of_another_spelling_or_elsewhere_is_not_found(client: AppClient) -> None:
    asked = {"Origin": LISTED, "Access-Control-Request-Method": "GET"}
    for path in ("/v1//presence", "/v1/%70resence", "/nope", "/v1", "/v2/presence"):
        assert_problem(client.options(path, headers=asked), 404, "not_found")


UNLISTED = [
    "https://evil.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com.evil.com",
    "HTTPS://APP.EXAMPLE.COM",
    "null",
    "",
    "*",
]


def test_an_origin_that_is_not_listed_gets_nothing(world: World, client: AppClient) -> None:
    ana = world.va()
    for origin in UNLISTED:
        assert cors(preflight(client, "/v1/presence", origin, "GET")) == {}
        for answer in (
            world.get(client, ana, origin=origin),
            client.get("/v1/me", headers={"Origin": origin}),
        ):
            assert cors(dict(answer.headers)) == {}
            assert "Origin" in answer.headers["Vary"]


def test_a_page_may_read_200_304_and_errors_alike(world: World, client: AppClient) -> None:
    ana = world.va()
    tag = world.get(client, ana).headers["ETag"]
    origin = {"Origin": LISTED}
    answers = [
        world.get(client, ana, **origin),
        world.get(client, ana, if_none_match=tag, **origin),
        client.get("/v1/presence", headers=origin),
        client.get("/v1/nothing", headers=origin),
        client.put("/v1/presence", headers=origin),
        client.post("/v1/clock-in", data="{", content_type="application/json", headers=origin),
        client.post("/v1/clock-in", data="x", content_type="text/plain", headers=origin),
        client.post("/v1/clock-in", data=b"x" * 70_000, headers=origin),
        client.get("/v1/me?x=1", headers=origin),
    ]
    expected = [200, 304, 401, 404, 405, 400, 415, 413, 422]
    assert [answer.status_code for answer in answers] == expected
    for answer in answers:
        assert cors(dict(answer.headers)) == {
            "Access-Control-Allow-Origin": LISTED,
            "Access-Control-Expose-Headers": EXPOSED,
        }
        assert "Origin" in answer.headers["Vary"]


def test_the_gate_says_the_same(world: World, app: Flask) -> None:
    headers = world.bearer(world.va()) | {"origin": LISTED}

    async def tell() -> None:
        async with started(app) as application:
            tag = (await ask(application, headers)).tag
            for sent, status in (
                (headers, 200),
                (headers | {"if-none-match": tag}, 304),
                (headers | {"if-none-match": tag, "prefer": "wait=1"}, 304),
                ({"origin": LISTED}, 401),
            ):
                answered = await ask(application, sent)
                assert answered.status == status
                assert answered.header("access-control-allow-origin") == LISTED
                assert answered.header("access-control-expose-headers") == EXPOSED

    asyncio.run(tell())


def test_a_page_may_read_that_its_body_came_too_slowly(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.bodies, "BODY_SECONDS", 0.05)

    async def tell() -> None:
        sending = request(Application(app), {"origin": LISTED}, method="POST", path="/v1/sessions")
        sending.hold_body()
        answered = await sending.task
        assert answered.status == 400
        assert answered.header("access-control-allow-origin") == LISTED

    asyncio.run(tell())


def test_no_credentials_and_no_cookies(world: World, client: AppClient) -> None:
    code = {"access_code": world.code(world.va())}
    answer = client.post("/v1/sessions", json=code, headers={"Origin": LISTED})
    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Credentials" not in answer.headers
