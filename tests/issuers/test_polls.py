"""Polls with an issuer's token: from memory, as Flask would answer, judged anew in time."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from live.application import Application
from models import Membership
from services import members
from tests.support.app_client import AppClient
from tests.support.asgi_client import (
    WITHIN_SECONDS,
    Answered,
    ask,
    counting,
    until,
    until_answered,
)
from tests.support.issuer import Issuer, enrol, key
from tests.support.live_apps import run
from tests.support.world import World

POLL = "/v1/presence"
KNOWN_SECONDS = 6.0  # a refusal is remembered for 5 s where no key is read


def code_of(answer: Answered) -> str:
    found = answer.json
    return str(found.get("reason", found["code"]))


def test_an_unchanged_poll_runs_no_query_and_a_new_token_keeps_its_tag(
    app: Flask, issuer: Issuer, ana: Membership, databases: Any
) -> None:
    async def tell(application: Application) -> None:
        for org_id in (None, ana.org_id):
            known = await ask(application, issuer.bearer(ana.user_id, org_id))
            assert known.status == 200
            fresh = issuer.bearer(ana.user_id, org_id, exp=4_000_000_000)
            asked = fresh | {"If-None-Match": known.tag}
            assert (await ask(application, asked)).status == 304
        await until(lambda: application.user_orgs._vouched_until)
        with counting(databases[1]) as statements:
            for _ in range(20):
                assert (await ask(application, asked)).status == 304
        of_polls = [each for each in statements if "members_version" not in each]
        assert of_polls == []

    run(app, tell)


def test_gate_and_flask_answer_the_same(
    app: Flask, client: AppClient, issuer: Issuer, world: World, other: World, ana: Membership
) -> None:
    both, gone = enrol(world, uuid4(), "admin"), enrol(world, uuid4(), active=False)
    enrol(other, both.user_id)
    tokens = [
        *(issuer.bearer(id_) for id_ in (ana.user_id, both.user_id, gone.user_id, uuid4())),
        *(issuer.bearer(id_, world.id) for id_ in (ana.user_id, both.user_id, gone.user_id)),
        issuer.bearer(ana.user_id, other.id),
        issuer.bearer(ana.user_id, role="anon"),
        issuer.bearer(ana.user_id, exp=1),
        issuer.bearer(ana.user_id, by=key("unknown")),
        {"Authorization": f"Bearer {issuer.token(ana.user_id)[:-4]}AAAA"},
        {"Authorization": "Bearer " + "x" * 9000},
    ]
    orgs = [None, str(world.id), str(other.id), str(uuid4()), "acme", ""]

    async def tell(application: Application) -> None:
        for token in tokens:
            for org in orgs:
                asked = (
                    token | {"Request-Id": "same"} | ({} if org is None else {"Presence-Org": org})
                )
                for _ in range(2):
                    gate = await ask(application, asked)
                    flask = client.get(POLL, headers=asked)
                    assert (gate.status, gate.body) == (flask.status_code, flask.data)
                    of_gate = {(n.decode(), v.decode()) for n, v in gate.headers}
                    of_flask = {(n.lower(), v) for n, v in flask.headers}
                    assert of_gate == of_flask
                    if gate.status == 200:
                        asked = asked | {"If-None-Match": gate.tag}

    run(app, tell)


def test_a_key_that_left_the_set_is_refused_at_once(
    app: Flask, issuer: Issuer, ana: Membership
) -> None:
    """Also with a token that is remembered, and while the poll is held."""
    issuer.keys = [key("one"), key("two")]
    by_one, by_two = (issuer.bearer(ana.user_id, by=each) for each in issuer.keys)

    async def tell(application: Application) -> None:
        tag = (await ask(application, by_one)).tag
        assert (await ask(application, by_two | {"If-None-Match": tag})).status == 304
        held = asyncio.create_task(
            ask(application, by_one | {"If-None-Match": tag, "Prefer": "wait=30"})
        )
        org = application.cache.orgs[ana.org_id]
        await until(lambda: org.waiters)
        issuer.keys = [key("two")]
        unknown = issuer.bearer(ana.user_id, by=key("three"))
        assert code_of(await ask(application, unknown)) == "invalid"  # and the keys are read anew
        assert code_of(await held) == "invalid"
        assert code_of(await ask(application, by_one)) == "invalid"
        assert (await ask(application, by_two | {"If-None-Match": tag})).status == 304

    run(app, tell)


def test_a_new_key_is_known_soon_after_its_first_token(
    app: Flask, issuer: Issuer, ana: Membership
) -> None:
    async def tell(application: Application) -> None:
        issuer.keys = [key("one"), key("two")]
        asked = issuer.bearer(ana.user_id, by=key("two"))
        assert code_of(await ask(application, asked)) == "invalid"
        await until_answered(
            lambda answer: answer.status == 200, lambda: ask(application, asked), 3
        )

    run(app, tell)


def test_who_joins_or_leaves_an_org_is_judged_anew(
    app: Flask, issuer: Issuer, world: World, other: World, ana: Membership
) -> None:
    # Issued after she is deactivated, which refuses what is older.
    asked = issuer.bearer(ana.user_id, iat=int(issuer.claims("")["iat"]) + 50)

    async def tell(application: Application) -> None:
        async def poll() -> Answered:
            return await ask(application, asked | {"If-None-Match": tag})

        async def becomes(says: Callable[[Answered], bool]) -> None:
            await until_answered(says, poll, WITHIN_SECONDS)

        tag = (await ask(application, asked)).tag
        await until(lambda: application.user_orgs._vouched_until)
        assert (await poll()).status == 304
        await asyncio.to_thread(enrol, other, ana.user_id)
        await becomes(lambda answer: answer.status == 422)
        await asyncio.to_thread(enrol, world, ana.user_id, active=False)
        await becomes(lambda answer: answer.status == 200)
        await asyncio.to_thread(enrol, other, ana.user_id, active=False)
        await becomes(lambda answer: answer.status == 401 and code_of(answer) == "deactivated")
        await asyncio.to_thread(enrol, world, ana.user_id)
        await becomes(lambda answer: answer.status in (200, 304))

    run(app, tell)


def test_revoking_and_deactivating_reach_polls(
    app: Flask, issuer: Issuer, world: World, ana: Membership
) -> None:
    asked = issuer.bearer(ana.user_id, world.id, iat=int(issuer.claims("")["iat"]) - 5)

    def revoke() -> None:
        with world.changing() as change:
            found = members.find_in(change.session, world.id, ana.id)
            members.revoke_tokens(change, found, actor=None)

    async def tell(application: Application) -> None:
        assert (await ask(application, asked)).status == 200
        await asyncio.to_thread(revoke)
        refused = await until_answered(
            lambda answer: answer.status == 401, lambda: ask(application, asked), WITHIN_SECONDS
        )
        assert code_of(refused) == "revoked"

    run(app, tell)


def test_no_org_is_read_for_a_stranger(
    app: Flask, issuer: Issuer, other: World, ana: Membership
) -> None:
    asked = issuer.bearer(ana.user_id)

    async def tell(application: Application) -> None:
        for org_id in (other.id, *(uuid4() for _ in range(5))):
            answer = await ask(application, asked | {"Presence-Org": str(org_id)})
            assert code_of(answer) == "unknown_member"
        assert other.id not in application.cache.orgs
        assert set(application.cache.orgs) <= {ana.org_id}

    run(app, tell)


def test_people_who_poll_no_more_are_forgotten(
    app: Flask, issuer: Issuer, ana: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(application: Application) -> None:
        known: dict[UUID, Any] = application.user_orgs._known
        await ask(application, issuer.bearer(ana.user_id))
        assert set(known) == {ana.user_id}
        monkeypatch.setattr("live.user_orgs.KEPT_SECONDS", 0.0)
        await until(lambda: not known)

    run(app, tell)


def test_a_read_under_way_does_not_undo_that_polls_are_judged_anew(
    app: Flask, issuer: Issuer, ana: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(application: Application) -> None:
        asked = issuer.bearer(ana.user_id, ana.org_id)
        asked |= {"If-None-Match": (await ask(application, asked)).tag}
        assert (await ask(application, asked)).status == 304
        cache = application.cache
        org, load = cache.orgs[ana.org_id], cache._load
        is_reading, may_end = threading.Event(), threading.Event()

        def slowly(*about: Any) -> Any:
            is_reading.set()
            may_end.wait(10)
            return load(*about)

        monkeypatch.setattr(cache, "_load", slowly)
        before = org.state.mark if org.state else None
        reading = cache._read_soon(org)
        await asyncio.to_thread(is_reading.wait, 10)
        cache.judge_anew([ana.org_id])
        may_end.set()
        assert await reading
        assert org.state is not None
        assert org.state.mark is not before

    run(app, tell)


@pytest.mark.parametrize(("expires_at", "status"), [(253402300799, 200), (1e17, 401)])
def test_times_that_no_calendar_has_are_no_fault_of_ours(
    app: Flask, client: AppClient, issuer: Issuer, ana: Membership, expires_at: float, status: int
) -> None:
    asked = issuer.bearer(ana.user_id, exp=expires_at)
    assert client.get(POLL, headers=asked).status_code == status

    async def tell(application: Application) -> None:
        assert (await ask(application, asked)).status == status

    run(app, tell)
