"""A change feed: one class with both ends, and one line that names it."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import ClassVar
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import ColumnElement, event
from sqlalchemy.orm import Session

import feeds
from feeds.feed import LEASE_SECONDS, Cache, Feed
from feeds.version_poller import VersionPoller
from models.database import Database
from settings import Settings
from tests.support.asgi_client import WITHIN_SECONDS, ask, started, until_answered
from tests.support.world import World


class Mailbox(Feed):
    """A third feed: it tells its own process, after the commit."""

    kind = "mailbox"
    is_alive = True
    letters: ClassVar[deque[UUID]] = deque()

    def __init__(self, database: Database, settings: Settings) -> None:
        pass

    @staticmethod
    def suits(dialect: str) -> bool:
        return True

    @staticmethod
    def announce(session: Session, org_id: UUID) -> ColumnElement[None] | None:
        event.listen(session, "after_commit", lambda _: Mailbox.letters.append(org_id), once=True)
        return None

    def also_hear(self, channel: str, act: Callable[[str], None]) -> None:
        pass

    async def hear(self, cache: Cache, is_needed: Callable[[], bool]) -> None:
        while True:
            cache.invalidate(self.letters.popleft() for _ in range(len(self.letters)))
            cache.renew_lease(monotonic() + LEASE_SECONDS)
            await asyncio.sleep(0.005)


def test_a_third_feed_is_a_class_and_a_line(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("live.sweeper.start", lambda _context: threading.Event())
    monkeypatch.setattr(feeds, "FEEDS", (Mailbox, *feeds.FEEDS))
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def look_in_vain(*_: object) -> None:
        pytest.fail("the poller was not needed")

    monkeypatch.setattr(VersionPoller, "look", look_in_vain)

    async def tell() -> None:
        async with started(app) as application:
            assert application.feed.kind == "mailbox"
            asked = bearer | {"if-none-match": (await ask(application, bearer)).tag}
            assert (await ask(application, asked)).status == 304
            world.clock_in(ana, acme)
            seen = await until_answered(
                lambda answered: answered.status == 200,
                lambda: ask(application, asked),
                WITHIN_SECONDS,
            )
            assert seen.json["me"]["account_id"] == str(acme.id)

    asyncio.run(tell())


def test_the_last_feed_needs_nothing_but_a_database() -> None:
    """So that there is always one to rely on."""
    last = feeds.FEEDS[-1]
    assert last is VersionPoller
    assert VersionPoller.is_alive is True
    assert all(last.suits(dialect) for dialect in ("sqlite", "postgresql"))
