"""Whose share of the threads an issuer's token takes: never an org's that its user is not in."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from live.application import Application
from live.shares import ORGS, STRANGERS, Owner
from live.turns import Job
from models import Membership
from tests.support.asgi_client import ask, post, scope_of
from tests.support.issuer import Issuer, enrol
from tests.support.live_apps import run
from tests.support.world import World

STRANGER = Owner(STRANGERS, "127.0.0.1")


def writing(org_id: UUID) -> Owner:
    return Owner(ORGS, org_id, "writes")


def owner_of(application: Application, headers: dict[str, str]) -> Owner:
    scope = scope_of(headers, method="POST", path="/v1/clock-out")
    return application.flask._owners.of(scope, scope["headers"])


def test_memory_knows_a_user_who_polls(
    world: World, other: World, app: Flask, issuer: Issuer, ana: Membership
) -> None:
    async def tell(application: Application) -> None:
        for org_id in (None, ana.org_id):
            bearer = issuer.bearer(ana.user_id, org_id)
            assert owner_of(application, bearer) == STRANGER
            assert (await ask(application, bearer)).status == 200
            assert owner_of(application, bearer) == writing(world.id)
            # Presence-Org comes before what the token says.
            for named, owner in ((world.id, writing(world.id)), (other.id, STRANGER)):
                assert owner_of(application, bearer | {"Presence-Org": str(named)}) == owner
            assert owner_of(application, bearer | {"Presence-Org": "x"}) == STRANGER

    run(app, tell)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Callable[[Application], list[Owner]]:
    """Where requests have gone on as another owner's."""

    def note(application: Application) -> list[Owner]:
        owners, turns = list[Owner](), application.flask.turns
        move = turns.move

        def noted(job: Job, owner: Owner) -> None:
            move(job, owner)
            owners.append(job.owner)

        monkeypatch.setattr(turns, "move", noted)
        return owners

    return note


def test_flask_tells_whose_the_request_of_a_new_token_is(
    world: World, other: World, app: Flask, issuer: Issuer, ana: Membership, moved: Any
) -> None:
    async def tell(application: Application) -> None:
        owners = moved(application)
        for named in ({}, {"Presence-Org": str(world.id)}):
            bearer = issuer.bearer(ana.user_id) | named
            assert (await post(application, bearer, "clock-out")).status == 200
            assert owners.pop() == writing(world.id)
        # Who only names an org stays a stranger, and so does who was a member.
        left = enrol(world, uuid4(), active=False)
        for bearer in (
            issuer.bearer(ana.user_id) | {"Presence-Org": str(other.id)},
            issuer.bearer(left.user_id),
            issuer.bearer(left.user_id) | {"Presence-Org": str(world.id)},
        ):
            assert (await post(application, bearer, "clock-out")).status == 401
            assert owners == []

    run(app, tell)
