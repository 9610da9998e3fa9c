"""``Prefer: wait``: an answer is held until this viewer's view changes, and not a moment longer."""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from live.application import Application
from live.long_poll import seconds_to_wait
from live.watch_cache import LATE_SECONDS
from models import Membership
from tests.support.asgi_client import Answered, Request, ask, memory_of, request, started, until
from tests.support.world import World

Bearer = dict[str, str]
SOON_SECONDS = 1.0  # contract.md, "Credentials": every change is seen within


def run(app: Flask, tell: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        async with started(app) as application:
            await tell(application)

    asyncio.run(told())


async def held(
    application: Application, world: World, bearer: Bearer, prefer: str = "wait=20"
) -> Request:
    """A poll that is being held."""
    tag = (await ask(application, bearer)).tag
    before = len(memory_of(application, world).waiters)
    waiting = request(application, bearer | {"if-none-match": tag, "prefer": prefer})
    await until(lambda: len(memory_of(application, world).waiters) == before + 1)
    return waiting


async def soon(waiting: Request, seconds: float = SOON_SECONDS) -> Answered:
    await until(waiting.task.done, seconds)
    return await waiting.task


def test_a_change_of_the_view_ends_the_wait(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()

    async def tell(application: Application) -> None:
        waiting = await held(application, world, world.bearer(world.va("Ben Cruz")))
        world.clock_in(ana, acme)
        answered = await soon(waiting)
        assert answered.status == 200
        assert answered.header("preference-applied") == "wait=20"
        assert answered.json["presence"] == [{"account_id": str(acme.id)}]

    run(app, tell)


@pytest.mark.parametrize("prefers", [("wait=20", "respond-async"), ("respond-async", "wait=20")])
def test_preferences_may_be_spread_over_several_headers(
    world: World, app: Flask, prefers: tuple[str, str]
) -> None:
    bearer = world.bearer(world.va())

    async def tell(application: Application) -> None:
        asked = bearer | {"if-none-match": (await ask(application, bearer)).tag}
        headers = [*asked.items(), *(("prefer", each) for each in prefers)]
        waiting = request(application, [(name.encode(), value.encode()) for name, value in headers])
        await until(lambda: len(memory_of(application, world).waiters) == 1)
        application.stop_waiting()
        assert (await soon(waiting)).header("preference-applied") == "wait=20"

    run(app, tell)


@pytest.mark.parametrize(
    "error", [OperationalError("SELECT", {}, Exception()), RuntimeError("odd")]
)
def test_a_read_that_failed_is_tried_again_for_those_who_wait(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ana, acme = world.va(), world.account()

    async def tell(application: Application) -> None:
        waiting = await held(application, world, world.bearer(world.va("Ben Cruz")))
        load, failures = application.cache._load, [error]

        def fail_once(*arguments: Any) -> Any:
            if failures:
                raise failures.pop()
            return load(*arguments)

        monkeypatch.setattr(application.cache, "_load", fail_once)
        world.clock_in(ana, acme)
        await until(lambda: not failures)
        assert (await soon(waiting, LATE_SECONDS + SOON_SECONDS)).status == 200

    run(app, tell)


def test_a_change_that_only_admins_see_ends_only_theirs(world: World, app: Flask) -> None:
    maya, ana, ben, acme = world.admin(), world.va(), world.va("Ben Cruz"), world.account()
    world.clock_in(ana, acme)

    async def tell(application: Application) -> None:
        by_va = await held(application, world, world.bearer(ben))
        by_admin = await held(application, world, world.bearer(maya))
        stale_at = world.held()[0].last_heartbeat_at.timestamp() + world.settings.stale_after
        world.sweep(type(ana.created_at).fromtimestamp(stale_at, ana.created_at.tzinfo))
        assert (await soon(by_admin)).json["presence"][0]["state"] == "stale"
        assert not by_va.task.done()
        assert len(memory_of(application, world).waiters) == 1
        world.clock_out(ana)
        assert (await soon(by_va)).json["presence"] == []

    run(app, tell)


def make_admin(world: World, ana: Membership) -> None:
    world.change_role(ana, "admin")


@pytest.mark.parametrize(
    ("act", "status", "word"),
    [
        (World.revoke_tokens, 401, "revoked"),
        (World.sign_out, 401, "signed_out"),
        (World.end_session, 401, "revoked"),
        (World.deactivate, 401, "deactivated"),
        (make_admin, 200, "admin"),
    ],
)
def test_a_change_of_the_member_ends_the_wait(
    world: World, app: Flask, act: Callable[[World, Membership], None], status: int, word: str
) -> None:
    world.admin()
    ana, ben = world.va(), world.va("Ben Cruz")

    async def tell(application: Application) -> None:
        waiting = await held(application, world, world.bearer(ana))
        other = await held(application, world, world.bearer(ben))
        act(world, ana)
        answered = await soon(waiting)
        assert (answered.status, answered.json.get("reason", answered.json.get("view"))) == (
            status,
            word,
        )
        assert not other.task.done()
        other.go_away()
        await soon(other)

    run(app, tell)


def test_the_end_of_the_token_ends_the_wait(world: World, app: Flask) -> None:
    ana = world.va()

    async def tell(application: Application) -> None:
        waiting = await held(application, world, world.bearer(ana, ttl_seconds=5))
        await until(waiting.task.done, 6)
        answered = waiting.answered
        assert (answered.status, answered.json["reason"]) == (401, "expired")

    run(app, tell)


def test_the_end_of_the_time_is_a_304(world: World, app: Flask) -> None:
    bearer = world.bearer(world.va())

    async def tell(application: Application) -> None:
        begun = monotonic()
        waiting = await held(application, world, bearer, "respond-async, WAIT = 1; x=y")
        await until(waiting.task.done, 2)
        answered = waiting.answered
        assert monotonic() - begun >= 1
        assert (answered.status, answered.body) == (304, b"")
        assert answered.header("preference-applied") == "wait=1"
        assert len(memory_of(application, world).waiters) == 0

    run(app, tell)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        *[("wait=30", 30), ("wait=31", 30), ("wait=" + "9" * 40, 30), ("wait=7", 7), ("wait=0", 0)],
        *[('wait="8"', 8), ("a, wait=9;b=c", 9), ("Wait=3", 3), ("handling=lenient,wait=4", 4)],
        *[("wait", 0), ("wait=", 0), ("wait=-1", 0), ("wait=x", 0), ("wait=1.5", 0), ("", 0)],
        *[("await=5", 0), ("wait=5s", 0), ("waits=5", 0), (";wait=5", 0), ("wait=1 2", 0)],
    ],
)
def test_more_than_30_is_30_and_nonsense_is_ignored(prefer: str, seconds: int) -> None:
    assert seconds_to_wait(prefer.encode()) == seconds


def test_without_a_matching_tag_nobody_waits(world: World, app: Flask) -> None:
    bearer = world.bearer(world.va())

    async def tell(application: Application) -> None:
        for more in ({}, {"if-none-match": 'W/"old"'}):
            waiting = request(application, bearer | {"prefer": "wait=20"} | more)
            answered = await soon(waiting)
            assert (answered.status, answered.header("preference-applied")) == (200, None)

    run(app, tell)


def test_a_client_that_goes_away_waits_no_more(world: World, app: Flask) -> None:
    bearer = world.bearer(world.va())

    async def tell(application: Application) -> None:
        waiting = [await held(application, world, bearer) for _ in range(3)]
        for each in waiting:
            each.go_away()
            assert (await soon(each)).status == 304  # which a server drops where nobody listens
        assert len(memory_of(application, world).waiters) == 0

    run(app, tell)


def test_the_stop_of_the_server_answers_all_and_holds_nobody_more(world: World, app: Flask) -> None:
    bearers = [world.bearer(world.va()), world.bearer(world.admin())]

    async def tell(application: Application) -> None:
        waiting = [await held(application, world, bearer) for bearer in bearers * 2]
        application.stop_waiting()
        for each in waiting:
            answered = await soon(each)
            assert (answered.status, answered.header("preference-applied")) == (304, "wait=20")
        late = bearers[0] | {"if-none-match": waiting[0].answered.tag, "prefer": "wait=20"}
        assert (await soon(request(application, late))).status == 304

    run(app, tell)
