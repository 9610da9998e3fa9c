"""Heartbeats, sent to the gate, and what became of them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from live.application import Application
from live.heartbeat_outcome import Outcome
from tests.support.asgi_client import Answered, ask, post, until
from tests.support.world import World


async def beat(application: Application, bearer: dict[str, str], presence_id: UUID) -> Answered:
    return await post(application, bearer, "heartbeat", presence_id=str(presence_id))


async def remember(application: Application, world: World, bearer: dict[str, str]) -> None:
    """Let memory have the org as it is now."""
    await ask(application, bearer)
    await until(lambda: application.cache.orgs[world.id].reading is None)


@contextmanager
def became(application: Application) -> Iterator[Counter[Outcome]]:
    """What becomes of the heartbeats meanwhile; filled at the end."""
    before, found = application.counters.heartbeats.copy(), Counter[Outcome]()
    yield found
    found.update(application.counters.heartbeats - before)


def as_headers(headers: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """Those of a request; a list has a header more than once."""
    return [
        (name.encode(), each.encode("latin-1"))
        for name, value in headers.items()
        for each in (value if isinstance(value, list) else [value])
    ]
