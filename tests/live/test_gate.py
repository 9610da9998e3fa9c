"""One truth: the gate answers from memory what Flask answers from the database, byte for byte."""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

import pytest
from flask import Flask

from feeds import version_poller
from live import watch_cache
from live.application import Application
from models import Membership
from tests.support.asgi_client import (
    WITHIN_SECONDS,
    ask,
    counting,
    memory_of,
    post,
    started,
    until_answered,
    until_current,
    without_date,
)
from tests.support.gate_story import LISTED, Story
from tests.support.services import service
from tests.support.world import World
from wire.tags import BODY_RELEASE

REQUESTS = 500


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_CORS_ORIGINS": f"{LISTED} https://third.example"}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory follows the database sooner than it need."""
    monkeypatch.setattr(version_poller, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(watch_cache, "READ_EVERY_SECONDS", 0.01)


def answered_by(application: Application) -> int:
    """How many polls the gate has answered, not left to Flask."""
    return sum(application.counters.by_responder.values()) + application.counters.by_gate


@pytest.mark.usefixtures("hurried")
def test_the_gate_and_flask_tell_one_truth(world: World, app: Flask) -> None:
    story = Story(world, seed=8)
    statuses: list[int] = []
    codings: list[str | None] = []

    async def tell() -> None:
        async with started(app) as application:
            before = answered_by(application)
            for number in range(REQUESTS):
                if number % 6 == 0:
                    story.change()
                    await until_current(application, world)
                headers, options = story.request()
                by_gate = await ask(application, headers, **options)
                by_flask = await ask(application.gate._flask, headers, **options)
                assert without_date(by_gate) == without_date(by_flask), (headers, options)
                statuses.append(by_gate.status)
                codings.append(by_gate.header("Content-Encoding"))
                story.saw(headers, options, by_gate)
            assert answered_by(application) - before > 0.7 * REQUESTS

    asyncio.run(tell())
    assert story.changes > REQUESTS / 10
    for status, least in ((200, 0.3), (304, 0.15), (401, 0.08), (403, 0.03), (422, 0.01)):
        assert statuses.count(status) > least * REQUESTS, (status, statuses.count(status))
    assert codings.count("gzip") > 0.05 * REQUESTS, codings.count("gzip")


def run(app: Flask, tell: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        async with started(app) as application:
            await tell(application)

    asyncio.run(told())


def test_a_client_sees_its_own_write_at_once(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        for number in range(10):
            await ask(application, bearer)
            path = "clock-out" if number % 2 else "clock-in"
            body = {} if number % 2 else {"account_id": str(acme.id)}
            version = (await post(application, bearer, path, **body)).header("presence-version")
            seen = await ask(application, bearer | {"presence-min-version": str(version)})
            assert str(seen.json["version"]) == version
            assert (seen.json["me"] is None) is bool(number % 2)

    run(app, tell)


def test_a_tag_newer_than_memory_is_compared_after_a_read(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana) | {"request-id": "poll-1"}

    async def tell() -> None:
        application = Application(app)  # its feed was never started
        application.cache.lease_until = monotonic() + 3600
        old = await ask(application, bearer)
        world.clock_in(ana, acme)
        new = await ask(application.gate._flask, bearer)
        assert old.tag != new.tag
        assert (await ask(application, bearer | {"if-none-match": old.tag})).status == 304
        # Another worker answered with the new tag: here it matches as well, and never again
        # the old one.
        assert (await ask(application, bearer | {"if-none-match": new.tag})).status == 304
        assert without_date(await ask(application, bearer)) == without_date(new)
        assert (await ask(application, bearer | {"if-none-match": old.tag})).status == 200

    asyncio.run(tell())


def test_a_newer_tag_of_another_release_is_never_answered_from_older_memory(
    world: World, app: Flask
) -> None:
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def tell() -> None:
        application = Application(app)  # its feed was never started
        application.cache.lease_until = monotonic() + 3600
        await ask(application, bearer)
        world.clock_in(ana, acme)
        new = await ask(application.gate._flask, bearer)
        elsewhere = new.tag.replace(f'"{BODY_RELEASE}.', f'"{BODY_RELEASE + 1}.')
        answered = await ask(application, bearer | {"if-none-match": elsewhere})
        assert (answered.status, answered.body) == (200, new.body)

    asyncio.run(tell())


@pytest.mark.parametrize("more", [{}, {"prefer": "wait=1"}])
def test_what_no_database_has_yet_is_asked_of_the_database_each_time(
    world: World, app: Flask, more: dict[str, str]
) -> None:
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def tell() -> None:
        application = Application(app)  # its feed was never started
        application.cache.lease_until = monotonic() + 3600
        first = await ask(application, bearer)
        beyond = str(first.json["version"] + 1)
        asked = bearer | {"if-none-match": first.tag, "presence-min-version": beyond} | more
        for _ in range(2):
            begun = monotonic()
            assert (await ask(application, asked)).status == 304
            assert monotonic() - begun >= (1 if more else 0)
        world.clock_in(ana, acme)
        assert (await ask(application, asked)).status == 200

    asyncio.run(tell())


def test_unchanged_polls_run_no_statement(world: World, app: Flask) -> None:
    bearers = [world.bearer(world.va()), world.bearer(world.admin())]
    bearers.append(service(world, "presence:read").bearer)
    database = app.extensions["presence"].database

    async def tell(application: Application) -> None:
        asked = [b | {"if-none-match": (await ask(application, b)).tag} for b in bearers]
        for _ in range(3):  # on a busy machine the feed's lease may end once
            with counting(database) as statements:
                for number in range(100):
                    for bearer in asked:
                        assert (await ask(application, bearer)).status == 304
                    plain = bearers[number % 2] | {"accept": "text/csv" if number % 3 else "*/*"}
                    assert (await ask(application, plain)).status == 200
            if not statements:
                break
        assert statements == []

    run(app, tell)


ENDS: dict[str, tuple[Callable[[World, Membership], None], int, str]] = {
    "revoked": (lambda world, ana: world.revoke_tokens(ana), 401, "revoked"),
    "deactivated": (lambda world, ana: world.deactivate(ana), 401, "deactivated"),
    "demoted": (lambda world, ana: world.change_role(ana, "va"), 200, "va"),
    "erased": (lambda world, ana: world.erase(ana), 401, "revoked"),
    "signed out": (lambda world, ana: world.sign_out(ana), 401, "signed_out"),
    "session ended": (lambda world, ana: world.end_session(ana), 401, "revoked"),
    "org erased": (lambda world, ana: world.erase_org(), 401, "revoked"),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_shows_within_a_second(world: World, app: Flask, end: str) -> None:
    world.admin("Maya Chen")
    ana = world.admin("Ana Reyes")
    bearer, (act, status, word) = world.bearer(ana) | {"request-id": "poll-1"}, ENDS[end]

    async def tell(application: Application) -> None:
        asked = bearer | {"if-none-match": (await ask(application, bearer)).tag}
        assert (await ask(application, asked)).status == 304
        act(world, ana)
        seen = await until_answered(
            lambda answered: answered.status != 304,
            lambda: ask(application, asked),
            WITHIN_SECONDS,
        )
        assert (seen.status, seen.json.get("reason") or seen.json["view"]) == (status, word)
        assert without_date(seen) == without_date(await ask(application.gate._flask, asked))

    run(app, tell)


def test_the_memory_of_a_test_is_the_gates(world: World, app: Flask) -> None:
    """The other tests would say little if the gate had handed everything down."""

    async def tell(application: Application) -> None:
        bearer = world.bearer(world.va())
        by_flask = application.counters.delegated.copy()
        assert (await ask(application, bearer)).status == 200
        assert memory_of(application, world).state is not None
        assert application.counters.delegated == by_flask

    run(app, tell)
