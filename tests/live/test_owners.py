"""Whose a request is, as far as memory can be sure."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from live.application import Application
from live.shares import ORGS, REPORTS, STRANGERS, Owner
from tests.support.asgi_client import scope_of
from tests.support.live_apps import run_without_feed
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
        writes, reads = Owner(ORGS, (world.id, False)), Owner(ORGS, (world.id, True))
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
        for path in ("/v1/clock-in", "/v1/admin/time", "/", "/readyz"):
            assert owner_of(application, headers, path=path) == ADDRESS

    tell_of(app, tell)


def test_a_forged_or_expired_token_uses_up_no_orgs_share(world: World, app: Flask) -> None:
    ana = world.va()
    forged = {"Authorization": f"Bearer {world.token(ana)[:-3]}abc"}

    def tell(application: Application) -> None:
        for headers in (forged, world.bearer(ana, ttl_seconds=-1)):
            assert owner_of(application, headers, path="/v1/me") == ADDRESS

    tell_of(app, tell)
