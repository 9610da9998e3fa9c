"""Heartbeats with an issuer's token: from memory, once it knows the token and the member."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask import Flask

from live.application import Application
from live.heartbeat_outcome import Outcome
from tests.support.asgi_client import until
from tests.support.beats import beat, became
from tests.support.issuer import Issuer, enrol
from tests.support.live_apps import run
from tests.support.world import World, ago


@pytest.mark.parametrize("named", [lambda _: None, lambda org_id: org_id], ids=["only", "named"])
def test_the_next_heartbeat_finds_in_memory_what_the_first_did_not(
    app: Flask, issuer: Issuer, world: World, named: Callable[[UUID], UUID | None]
) -> None:
    ana = enrol(world, uuid4())
    held = world.clock_in(ana, world.account(), ago(60))
    bearer = issuer.bearer(ana.user_id, named(world.id))

    async def tell(application: Application) -> None:
        with became(application) as outcomes:
            assert (await beat(application, bearer, held.presence_id)).status == 204
            await until(lambda: not application.heartbeats._fetching)
            await until(lambda: application.user_orgs._vouched_until)
            assert (await beat(application, bearer, held.presence_id)).status == 204
        assert outcomes == {Outcome.NOT_IN_MEMORY: 1, Outcome.COMMITTED: 1}

    run(app, tell)


def test_a_stranger_has_no_org_read_into_memory(app: Flask, issuer: Issuer, world: World) -> None:
    async def tell(application: Application) -> None:
        bearer = issuer.bearer(uuid4(), world.id)
        for _ in range(2):
            answered = await beat(application, bearer, uuid4())
            assert (answered.status, answered.json["reason"]) == (401, "unknown_member")
            await until(lambda: not application.heartbeats._fetching)
        assert world.id not in application.cache.orgs

    run(app, tell)
