"""How much memory keeps, whatever is sent."""

import gc
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from itertools import count, islice
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import insert, update

from issuers.registry import TrustedIssuers
from live import token_cache, watch_cache
from live.application import Application
from live.cached_poll import CachedPoll, PollAnswer
from live.org_state import OrgState, read
from live.token_cache import Bearer, TokenCache
from live.watch_cache import CachedOrg
from models import MemberSession, Membership
from models.database import Database
from models.reach import EVERY_ORG
from services import sessions
from services.errors import NotAuthenticated
from services.times import utc_now
from tests.support.asgi_client import ask, memory_of, until
from tests.support.live_apps import run_without_feed
from tests.support.world import World

KEEPERS = (CachedPoll, PollAnswer, Bearer, CachedOrg)


def test_tokens_and_refusals_are_bounded_in_bytes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    raws = [world.token(world.va(), ttl_seconds=100 + number) for number in range(10)]
    of_bearer = 2 * len(raws[0]) + token_cache.BEARER_BYTES
    of_refusal = 2 * len("x0") + token_cache.REFUSAL_BYTES
    monkeypatch.setattr(token_cache, "BEARERS_BYTES", 3 * of_bearer)
    monkeypatch.setattr(token_cache, "REFUSALS_BYTES", 4 * of_refusal)
    remembered = token_cache_of(world)
    for number, raw in enumerate(raws):
        header = f"Bearer {raw}".encode()
        assert remembered.bearer(header) is remembered.bearer(header) is remembered.known(header)
        with pytest.raises(NotAuthenticated):
            remembered.bearer(b"Bearer x%d" % number)
    assert (len(remembered._bearers), len(remembered._refusals)) == (3, 4)


def token_cache_of(world: World) -> TokenCache:
    return TokenCache(world.settings, TrustedIssuers(world.settings, world.database))


def spellings(raw: str) -> Iterator[bytes]:
    """Headers without end that all carry the same token."""
    for number in count():
        word = "".join(
            letter.upper() if number >> place & 1 else letter
            for place, letter in enumerate("bearer")
        )
        yield f"{word} {' ' * (number % 15_000)}{raw}{' ' * (number % 700)}".encode()


def test_all_spellings_of_a_token_are_one(world: World) -> None:
    raw, remembered = world.token(world.va()), token_cache_of(world)
    found = {id(remembered.bearer(header)) for header in islice(spellings(raw), 2_000)}
    assert (len(found), len(remembered._bearers)) == (1, 1)
    for header in islice(spellings("no.such.token"), 2_000):
        with pytest.raises(NotAuthenticated):
            remembered.bearer(header)
    assert len(remembered._refusals) == 1


def test_no_long_token_is_remembered(world: World) -> None:
    remembered = token_cache_of(world)
    for number in range(10):
        with pytest.raises(NotAuthenticated):
            remembered.bearer(b"Bearer %d" % number + b"x" * token_cache.SHORT_BYTES)
    assert len(remembered._refusals) == 0


def test_what_strangers_and_members_send_leaves_nothing_behind(world: World, app: Flask) -> None:
    """Headers of 15 KB in every spelling, from as long an origin, of members and of nobody."""
    raw, long = world.token(world.admin()), "x" * 7_000

    async def tell(application: Application) -> None:
        async def ask_all(number: int, header: bytes) -> None:
            asked = {"authorization": header.decode(), "origin": f"{number}{long}"}
            await ask(application, asked)

        async def attack(times: int) -> None:
            for number, header in enumerate(islice(spellings(raw), times)):
                await ask_all(number, header[:8_000] + raw.encode())
                await ask_all(number, b"Bearer " + b"%d" % number + b"y" * 7_000)

        await attack(300)  # what a process needs anyway, and the caches that are full then
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            await attack(500)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 500_000

    run_without_feed(app, tell)


def test_a_poll_with_long_headers_is_answered_as_any_other(world: World, app: Flask) -> None:
    bearer = world.bearer(world.va())

    async def tell(application: Application) -> None:
        tag = (await ask(application, bearer)).tag
        long = bearer | {"if-none-match": tag, "prefer": "wait=1", "origin": "x" * 5_000}
        for _ in range(2):
            answered = await ask(application, long)
            assert (answered.status, answered.header("preference-applied")) == (304, "wait=1")

    run_without_feed(app, tell)


def test_a_refusal_keeps_no_frames(world: World) -> None:
    remembered, depths = token_cache_of(world), []
    for _ in range(3):
        with pytest.raises(NotAuthenticated) as refused:
            remembered.bearer(b"Bearer nonsense")
        depths.append(len(refused.traceback))
    assert depths[1] == depths[2] <= depths[0]


def test_an_unwatched_org_is_dropped_and_read_again(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        tag = (await ask(application, bearer)).tag
        asked = bearer | {"if-none-match": tag}
        for _ in range(2):
            assert (await ask(application, asked)).status == 304
        org = memory_of(application, world)
        application.cache.drop_unwatched()
        assert application.cache.orgs == {world.id: org}
        org.polled_at -= 2 * watch_cache.WATCHED_SECONDS
        application.cache.drop_unwatched()
        assert (application.cache.orgs, org.state) == ({}, None)
        world.clock_in(ana, acme)
        assert (await ask(application, asked)).status == 200

    run_without_feed(app, tell)


def test_what_was_read_is_freed_when_it_is_read_anew(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cached polls and tokens outlive it, and must not keep it."""
    monkeypatch.setattr(watch_cache, "READ_EVERY_SECONDS", 0.0)
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        asked = bearer | {"if-none-match": (await ask(application, bearer)).tag}
        assert (await ask(application, asked)).status == 304
        old = memory_of(application, world).state
        assert old is not None
        world.clock_in(ana, acme)
        application.cache.invalidate([world.id])
        await until(lambda: memory_of(application, world).state is not old)
        gc.collect()
        keepers = [each for each in gc.get_referrers(old) if isinstance(each, KEEPERS)]
        assert keepers == []

    run_without_feed(app, tell)


def test_what_memory_knows_of_ended_sessions_is_bounded(world: World, database: Database) -> None:
    """As many as a member can have whose tokens have not run out: the worst of one member."""
    ana, now = world.va(), utc_now()
    read(database, world.id, None, world.settings)
    row = {"org_id": world.id, "membership_id": ana.id, "created_at": now, "ended_at": now}
    row |= {"renewable_until": now, "ended_reason": "signed_out"}
    row["expires_at"] = now + timedelta(hours=12)
    with database.write(EVERY_ORG) as session:
        session.execute(
            insert(MemberSession), [{"id": uuid4(), **row} for _ in range(sessions.MOST_UNEXPIRED)]
        )
    tracemalloc.start()
    try:
        state = read(database, world.id, None, world.settings)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert state is not None
    assert len(state.ended) == sessions.MOST_UNEXPIRED
    assert held < 2_000_000
    assert len(read_after_one_more(world, ana).ended) == 0


def read_after_one_more(world: World, ana: Membership) -> OrgState:
    """Whoever begins one more ends them all by the generation: nothing is to be known of them."""
    with world.changing_member(ana) as (change, found):
        sessions.begin(change, found)
    state = read(world.database, world.id, None, world.settings)
    assert state is not None
    assert state.members[ana.id].token_generation == 1
    return state


def test_a_session_that_has_run_out_is_forgotten(world: World, database: Database) -> None:
    ana = world.va()
    world.sign_out(ana)
    state = read(database, world.id, None, world.settings)
    assert state is not None
    assert list(state.ended.values()) == ["signed_out"]
    with database.write(EVERY_ORG) as session:
        session.execute(update(MemberSession).values(expires_at=utc_now()))
    state = read(database, world.id, None, world.settings)
    assert state is not None
    assert state.ended == {}
