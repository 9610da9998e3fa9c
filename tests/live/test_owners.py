"""Whose a request is, as far as memory can be sure."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from live.application import Application
from live.shares import OPERATORS, ORGS, REPORTS, STRANGERS, Owner
from models import Membership
from tests.support.asgi_client import ask, memory_of, post, scope_of, until, until_current
from tests.support.live_apps import run, run_without_feed
from tests.support.world import World

ADDRESS = Owner(STRANGERS, "127.0.0.1")


def owner_of(application: Application, headers: dict[str, str], **options: Any) -> Owner:
    scope = scope_of(headers, **options)
    return application.flask._owners.of(scope, scope["headers"])


def tell_of(app: Flask, tell: Callable[[Application], None]) -> None:
    async def told(application: Application) -> None:
        tell(application)

    run_without_feed(app, told)


def test_a_bearer_of_ours_has_the_share_of_their_org(world: World, app: Flask) -> None:
    ana = world.bearer(world.va())

    def tell(application: Application) -> None:
        writes, reads = Owner(ORGS, world.id, "writes"), Owner(ORGS, world.id, "reads")
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert owner_of(application, ana, method=method, path="/v1/clock-in") == writes
        for method in ("GET", "HEAD"):
            assert owner_of(application, ana, method=method, path="/v1/accounts") == reads
        for path in ("clock-events", "audit-events", "time"):
            report = owner_of(application, ana, path=f"/v1/admin/{path}")
            assert report == Owner(REPORTS, world.id)

    tell_of(app, tell)


@pytest.mark.parametrize("bearer", [None, "Bearer x", "Basic abc", "Bearer " + "x" * 10_000])
def test_without_a_good_token_it_is_a_strangers(app: Flask, bearer: str | None) -> None:
    def tell(application: Application) -> None:
        headers = {} if bearer is None else {"Authorization": bearer}
        for path in ("/v1/clock-in", "/v1/admin/time", "/", "/docs"):
            assert owner_of(application, headers, path=path) == ADDRESS

    tell_of(app, tell)


def test_a_forged_or_expired_token_uses_up_no_orgs_share(world: World, app: Flask) -> None:
    ana = world.va()
    forged = {"Authorization": f"Bearer {world.token(ana)[:-3]}abc"}

    def tell(application: Application) -> None:
        for headers in (forged, world.bearer(ana, ttl_seconds=-1)):
            assert owner_of(application, headers, path="/v1/me") == ADDRESS

    tell_of(app, tell)


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_what_an_operator_asks_has_a_share_of_its_own(world: World, app: Flask, path: str) -> None:
    def tell(application: Application) -> None:
        for headers in ({}, {"Authorization": "Bearer x"}, world.bearer(world.va())):
            assert owner_of(application, headers, path=path) == Owner(OPERATORS, "127.0.0.1")

    tell_of(app, tell)


def test_the_addresses_that_one_machine_may_have_are_one_stranger(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tell(application: Application) -> None:
        monkeypatch.setattr(application.flask._owners, "_trusted_proxies", 1)
        for address, owner in {
            "2001:db8:7::1": "2001:db8:7::",
            "2001:db8:7:ffff::1": "2001:db8:7::",
            "2001:db8:8::1": "2001:db8:8::",
            "192.0.2.1": "192.0.2.1",
            "::ffff:192.0.2.1": "192.0.2.1",
            "nonsense": "unknown",
        }.items():
            said = {"X-Forwarded-For": address}
            assert owner_of(application, said, path="/") == Owner(STRANGERS, owner)

    tell_of(app, tell)


def clocking_of(application: Application, bearer: dict[str, str]) -> Owner:
    return owner_of(application, bearer, method="POST", path="/v1/clock-in")


@pytest.mark.parametrize(
    "refuse", [World.revoke_tokens, World.deactivate, World.sign_out, World.erase]
)
def test_those_whom_memory_refuses_are_one_stranger(
    world: World, app: Flask, refuse: Callable[[World, Membership], None]
) -> None:
    maya, ana, ben = world.bearer(world.admin()), world.va(), world.va("Ben Cruz")
    theirs = Owner(ORGS, world.id, "writes")

    async def tell(application: Application) -> None:
        refused = [world.bearer(each) for each in (ana, ben)]
        assert (await ask(application, maya)).status == 200
        assert {clocking_of(application, each) for each in (maya, *refused)} == {theirs}
        for each in (ana, ben):
            refuse(world, each)
        await until_current(application, world)
        assert {clocking_of(application, each) for each in refused} == {Owner(STRANGERS, world.id)}
        assert clocking_of(application, maya) == theirs
        # What memory is not sure of stays as it was.
        org = memory_of(application, world)
        org.fresh_until = org.read_at = 0.0
        assert {clocking_of(application, each) for each in refused} == {theirs}

    run(app, tell)


def test_a_refusal_by_flask_lets_memory_know(world: World, app: Flask) -> None:
    ana = world.va()
    bearer = world.bearer(ana)
    world.deactivate(ana)

    async def tell(application: Application) -> None:
        assert clocking_of(application, bearer) == Owner(ORGS, world.id, "writes")
        assert (await post(application, bearer, "clock-out")).status == 401
        await until(lambda: clocking_of(application, bearer) == Owner(STRANGERS, world.id))
        assert (await post(application, bearer, "clock-out")).status == 401

    run(app, tell)
