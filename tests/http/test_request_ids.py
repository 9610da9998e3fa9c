"""Every answer names its request, by the client's own id or a new one; problems and the log too."""

import asyncio
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask

import live.bodies
from live.application import Application
from tests.support.app_client import AppAnswer, AppClient
from tests.support.asgi_client import ask, request, started
from tests.support.world import World

NEW = re.compile(r"[0-9a-f]{32}")
OWN = ("a", "x" * 64, "A.b_C-9", "00000000-0000-0000-0000-000000000000")
NO_IDS = ("", "x" * 65, "with space", "a,b", "a/b", 'a"b', "é", "a\tb", "a%0ab", "a:b")


def answers(world: World, client: AppClient, **headers: str) -> Iterator[AppAnswer]:
    """Answers of every sort."""
    maya, ana, acme = world.admin(), world.va(), world.account()
    for member, method, path, body in (
        (ana, "GET", "/v1/presence", None),
        (ana, "HEAD", "/v1/presence", None),
        (ana, "GET", "/v1/accounts", None),
        (ana, "POST", "/v1/clock-in", {"account_id": str(acme.id)}),
        (ana, "POST", "/v1/clock-in", {"account_id": str(uuid4())}),
        (ana, "POST", "/v1/heartbeat", {}),
        (ana, "GET", "/v1/admin/accounts", None),
        (maya, "DELETE", f"/v1/admin/presence/{acme.id}", None),
        (maya, "POST", "/v1/presence", None),
        (None, "GET", "/v1/presence", None),
        (None, "GET", "/v1/nothing", None),
        (None, "POST", "/v1/sessions", {"access_code": "K7QF-9TWM-2XHP"}),
        (None, "GET", "/healthz", None),
        (None, "GET", "/readyz", None),
        (None, "GET", "/openapi.json", None),
        (None, "GET", "/docs", None),
        (None, "GET", "/", None),
    ):
        bearer = {} if member is None else world.bearer(member)
        yield client.open(path, method=method, json=body, headers=bearer | headers)


def assert_named(answer: AppAnswer) -> str:
    """:returns: the id, which a problem has too"""
    (found,) = answer.headers.getlist("Request-Id")
    if answer.mimetype == "application/problem+json" and answer.data:
        assert answer.get_json(force=True)["request_id"] == found
    return str(found)


def test_every_answer_has_an_id_of_its_own(world: World, client: AppClient) -> None:
    found = [assert_named(answer) for answer in answers(world, client)]
    assert len(found) == len(set(found))
    assert all(NEW.fullmatch(each) for each in found)


def test_the_requests_own_id_is_taken(world: World, client: AppClient) -> None:
    for answer in answers(world, client, **{"Request-Id": "my-id.1"}):
        assert assert_named(answer) == "my-id.1"


def test_what_is_no_id_is_not_taken(client: AppClient) -> None:
    for own in OWN:
        assert assert_named(client.get("/v1/me", headers={"Request-Id": own})) == own
    for own in NO_IDS:
        assert NEW.fullmatch(assert_named(client.get("/v1/me", headers={"Request-Id": own})))
    twice = client.get("/v1/me", headers=[("Request-Id", "a"), ("Request-Id", "b")])
    assert NEW.fullmatch(assert_named(twice))


def test_304s_of_polls_alone_have_none(world: World, client: AppClient) -> None:
    ana = world.va()
    for path, has_id in (("presence", False), ("accounts", True)):
        tag = world.get(client, ana, path).headers["ETag"]
        answer = world.get(client, ana, path, if_none_match=tag)
        assert answer.status_code == 304
        assert ("Request-Id" in answer.headers) is has_id


def test_the_gate_names_its_answers_too(world: World, app: Flask) -> None:
    bearer = world.bearer(world.va())

    async def tell() -> None:
        async with started(app) as application:
            seen = []
            for headers in (bearer, bearer | {"prefer": "wait=1"}, {"authorization": "x"}, {}):
                answered = await ask(application, headers)
                seen.append(answered.header("request-id"))
                assert answered.status == 200 or answered.json["request_id"] == seen[-1]
                own = await ask(application, headers | {"request-id": "poll-1"})
                assert own.header("request-id") == "poll-1"
                assert own.status == 200 or own.json["request_id"] == "poll-1"
            assert len(set(seen)) == len(seen)
            assert all(NEW.fullmatch(str(each)) for each in seen)
            unchanged = bearer | {"if-none-match": (await ask(application, bearer)).tag}
            for headers in (unchanged, unchanged | {"prefer": "wait=1"}):
                for _ in range(2):
                    answered = await ask(application, headers)
                    assert (answered.status, answered.header("request-id")) == (304, None)

    asyncio.run(tell())


def test_a_body_that_came_too_slowly_is_named(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.bodies, "BODY_SECONDS", 0.05)

    async def tell() -> None:
        headers = {"request-id": "slow-1"}
        sending = request(Application(app), headers, method="POST", path="/v1/sessions")
        sending.hold_body()
        answered = await sending.task
        assert answered.header("request-id") == answered.json["request_id"] == "slow-1"

    asyncio.run(tell())
