"""The live part for a test, with a feed or without one."""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from flask import Flask
from sqlalchemy.exc import OperationalError

from feeds.version_poller import VersionPoller
from live.application import Application
from models.versions import Versions
from tests.support.asgi_client import memory_of, started, until
from tests.support.world import World

LOOKS = 3  # of the poller, until a change is in memory


def run(app: Flask, tell: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        async with started(app) as application:
            await tell(application)

    asyncio.run(told())


def run_without_feed(app: Flask, tell: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        application = Application(app)
        application.cache.lease_until = monotonic() + 3600
        await tell(application)

    asyncio.run(told())


def poller_of(application: Application) -> VersionPoller:
    (poller,) = (feed for feed in application.feeds if isinstance(feed, VersionPoller))
    return poller


async def look(application: Application, world: World) -> None:
    """One look, and the read that it leads to."""
    await poller_of(application).look(application.cache)
    await until(lambda: memory_of(application, world).reading is None)


def is_current(application: Application, world: World) -> bool:
    state = memory_of(application, world).state
    return state is not None and state.versions == Versions.of(world.org())


def failing(*_: Any, **__: Any) -> Any:
    raise OperationalError("away", None, Exception())
