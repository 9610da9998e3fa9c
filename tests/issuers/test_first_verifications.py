"""First verifications take turns with everything else on the event loop."""

import asyncio
from time import monotonic, process_time
from typing import Any

import pytest
from flask import Flask

from live import verifications
from live.application import Application
from live.verifications import Verifications
from live.watch_cache import Unavailable
from models import Membership
from tests.support.asgi_client import ask
from tests.support.issuer import Issuer, SigningKey, key, signed
from tests.support.live_apps import run


class SlowTokens:
    """Each takes 1 ms to verify."""

    def __init__(self) -> None:
        self.verified: list[str] = []

    def verify(self, raw: str) -> None:
        until = monotonic() + 0.001
        while monotonic() < until:
            pass
        self.verified.append(raw)


def test_others_have_their_turns() -> None:
    async def tell() -> None:
        tokens = SlowTokens()
        each: Any = Verifications(tokens)  # type: ignore[arg-type]
        waiting = [asyncio.create_task(each.verify(f"{number}")) for number in range(300)]
        turns, longest, before = 0, 0.0, process_time()
        while not all(task.done() for task in waiting):
            await asyncio.sleep(0)
            now = process_time()
            turns, longest, before = turns + 1, max(longest, now - before), now
        assert len(tokens.verified) == 300
        assert turns > 300 * 0.001 / verifications.TURN_SECONDS / 2
        assert longest < 0.05

    asyncio.run(tell())


def test_a_token_that_many_bring_is_verified_once() -> None:
    async def tell() -> None:
        tokens = SlowTokens()
        each: Any = Verifications(tokens)  # type: ignore[arg-type]
        await asyncio.gather(*(each.verify("same") for _ in range(50)))
        assert tokens.verified == ["same"]

    asyncio.run(tell())


def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifications, "MOST_WAITING", 10)

    async def tell() -> None:
        each: Any = Verifications(SlowTokens())  # type: ignore[arg-type]
        found = await asyncio.gather(
            *(each.verify(f"{number}") for number in range(30)), return_exceptions=True
        )
        assert [type(each) for each in found].count(Unavailable) == 20

    asyncio.run(tell())


def test_a_flood_starves_nobody_who_is_known(app: Flask, issuer: Issuer, ana: Membership) -> None:
    """Garbage under a key that is known: each needs the work of a signature."""
    forger = SigningKey("one", "ES256", key("forger").private)
    claims = issuer.claims(ana.user_id, ana.org_id)
    garbage = [signed(claims | {"jti": f"{number}"}, forger) for number in range(1500)]

    async def tell(application: Application) -> None:
        known = issuer.bearer(ana.user_id, ana.org_id)
        tag = (await ask(application, known)).tag
        flood = [
            asyncio.create_task(ask(application, {"Authorization": f"Bearer {raw}"}))
            for raw in garbage
        ]
        waits = []
        while not all(task.done() for task in flood):
            begun = monotonic()
            answer = await ask(application, known | {"If-None-Match": tag})
            assert answer.status in (200, 304)
            waits.append(monotonic() - begun)
        assert {task.result().status for task in flood} == {401}
        assert len(waits) > 20
        assert sorted(waits)[len(waits) // 2] < 0.05

    run(app, tell)
