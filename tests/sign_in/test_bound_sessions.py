"""A session from a code for one account is for that account alone, whatever the role."""

import asyncio
import threading

import pytest
from flask import Flask

from live.application import Application
from models import Account, Membership
from tests.support.app_client import AppClient
from tests.support.asgi_client import ask, started
from tests.support.problems import assert_problem
from tests.support.world import World

Headers = dict[str, str]


@pytest.fixture
def maya(world: World) -> Membership:
    return world.admin()


@pytest.fixture
def acme(world: World) -> Account:
    return world.account("Acme Dental")


@pytest.fixture
def heron(world: World) -> Account:
    return world.account("Blue Heron Bakery")


@pytest.fixture
def bound(world: World, maya: Membership, acme: Account) -> Headers:
    """The header of an admin whose code is for one account alone."""
    return world.bearer(maya, account=acme)


def test_a_bound_code_signs_in_for_its_account_alone(
    world: World, client: AppClient, maya: Membership, acme: Account, heron: Account
) -> None:
    code = world.code(maya, account=acme)
    session = client.post("/v1/sessions", json={"access_code": code}).json
    only = [{"id": str(acme.id), "name": "Acme Dental"}]
    assert session["accounts"] == only
    headers = {"Authorization": f"Bearer {session['token']}"}
    renewed = client.post("/v1/sessions/renew", json={}, headers=headers).json
    assert renewed["accounts"] == only
    for each in (session, renewed):
        headers = {"Authorization": f"Bearer {each['token']}"}
        assert client.get("/v1/accounts", headers=headers).json == {"accounts": only}
        for path in ("members", "accounts", "clock-events", "audit-events", "time"):
            answer = client.get(f"/v1/admin/{path}", headers=headers)
            assert_problem(answer, 403, "admin_only")
    made = client.post(
        "/v1/admin/members", json={"display_name": "Eve", "role": "admin"}, headers=headers
    )
    assert_problem(made, 403, "admin_only")


def test_a_bound_session_clocks_in_and_out_there_and_nowhere_else(
    world: World, client: AppClient, bound: Headers, acme: Account, heron: Account
) -> None:
    elsewhere = client.post("/v1/clock-in", json={"account_id": str(heron.id)}, headers=bound)
    assert_problem(elsewhere, 403, "account_not_allowed")
    there = client.post("/v1/clock-in", json={}, headers=bound)
    assert there.status_code == 201
    presence = there.json["presence"]
    assert presence["account_id"] == str(acme.id)
    assert there.headers["Presence-Version"] == str(world.org().va_version)
    beat = client.post("/v1/heartbeat", json={"presence_id": presence["id"]}, headers=bound)
    assert beat.status_code == 204
    assert client.post("/v1/clock-out", json={}, headers=bound).json["cleared"] is True


def test_a_bound_session_learns_no_holder_and_no_name(
    world: World, client: AppClient, bound: Headers, acme: Account, heron: Account
) -> None:
    world.clock_in(world.va("Ana Reyes"), acme)
    world.clock_in(world.va("Ben Cruz"), heron)
    held = client.post("/v1/clock-in", json={}, headers=bound)
    assert "holder" not in assert_problem(held, 409, "account_occupied")
    for accept in ("application/json", "text/plain", "text/csv"):
        seen = client.get("/v1/presence", headers=bound | {"Accept": accept})
        assert seen.status_code == 200
        assert not [name for name in ("Ana", "Ben", "user_id") if name in seen.text]
    seen = client.get("/v1/presence", headers=bound)
    assert seen.json["view"] == "va"
    assert seen.json["version"] == world.org().va_version
    occupied = sorted(str(account.id) for account in (acme, heron))
    assert seen.json["presence"] == [{"account_id": id_} for id_ in occupied]


def test_the_same_members_sessions_never_match_each_others_tags(
    world: World, app: Flask, client: AppClient, maya: Membership, acme: Account, bound: Headers
) -> None:
    full = world.bearer(maya)
    world.clock_in(world.va(), acme)
    for path in ("/v1/presence", "/v1/accounts"):
        tags = [client.get(path, headers=each).headers["ETag"] for each in (full, bound)]
        for headers, (own, others) in ((full, tags), (bound, tags[::-1])):
            both = f"{others}, {own}"
            for tag, status in ((own, 304), (others, 200), (both, 304)):
                asked = headers | {"If-None-Match": tag}
                assert client.get(path, headers=asked).status_code == status, (path, tag)

    async def tell() -> None:
        async with started(app) as application:
            await poll(application)

    async def poll(application: Application) -> None:
        for headers, view in ((full, "admin"), (bound, "va"), (full, "admin")):
            answered = await ask(application, headers)
            assert answered.json["view"] == view
            other = bound if headers is full else full
            asked = {"if-none-match": answered.tag}
            assert (await ask(application, headers | asked)).status == 304
            assert (await ask(application, other | asked)).status == 200

    asyncio.run(tell())


def test_a_bound_session_reads_the_name_of_its_account_alone(
    world: World, app: Flask, client: AppClient, maya: Membership, acme: Account, heron: Account
) -> None:
    cedar = world.account("Cedar & Sons")
    for name, account in (("Ana", acme), ("Ben", heron)):
        world.clock_in(world.va(name), account)
    world.clock_in(maya, cedar)
    bound = world.bearer(maya, account=acme)
    others = [world.bearer(maya, account=heron), world.bearer(maya)]
    ids = [str(account.id) for account in (acme, heron, cedar)]

    async def tell() -> None:
        async with started(app) as application:
            for accept in ("text/plain", "text/csv"):
                asked = bound | {"Accept": accept}
                seen = client.get("/v1/presence", headers=asked)
                assert [name in seen.text for name in ("Acme", "Heron", "Cedar")] == [1, 0, 0]
                assert all(id_ in seen.text for id_ in ids)
                by_gate = await ask(application, asked)
                assert (by_gate.body, by_gate.tag) == (seen.data, seen.headers["ETag"])
                for other in others:
                    given = other | {"Accept": accept}
                    tag = client.get("/v1/presence", headers=given).headers["ETag"]
                    assert tag != by_gate.tag
                    assert (await ask(application, asked | {"If-None-Match": tag})).status == 200
                again = await ask(application, asked | {"If-None-Match": by_gate.tag})
                assert again.status == 304

    asyncio.run(tell())


def test_a_bound_session_sees_and_ends_sessions_of_its_account_alone(
    world: World, client: AppClient, maya: Membership, acme: Account, heron: Account
) -> None:
    def begin(account: Account | None) -> tuple[str, Headers]:
        code = world.code(maya, account=account)
        session = client.post("/v1/sessions", json={"access_code": code}).json
        return session["session_id"], {"Authorization": f"Bearer {session['token']}"}

    (full, _), (own, headers), (same, _), (other, _) = map(begin, (None, acme, acme, heron))
    listed = client.get("/v1/me/sessions", headers=headers).json["sessions"]
    assert [each["id"] for each in listed] == [same, own]
    for id_, status in ((full, 404), (other, 404), (same, 204)):
        answer = client.delete(f"/v1/me/sessions/{id_}", headers=headers)
        assert answer.status_code == status


def test_what_only_admins_see_wakes_no_bound_session(
    world: World, client: AppClient, acme: Account, bound: Headers
) -> None:
    world.stale(world.va(), acme)
    tag = client.get("/v1/presence", headers=bound).headers["ETag"]
    world.rename_member(world.va("Ben Cruz"), "Ben Cruz-Ito")
    asked = bound | {"If-None-Match": tag}
    assert client.get("/v1/presence", headers=asked).status_code == 304


@pytest.fixture(autouse=True)
def unswept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.sweeper.start", lambda _context: threading.Event())
