"""Sweeps at times that a test chooses."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from live import sweeper
from models import IdempotencyKey
from models.reach import EVERY_ORG
from services.times import utc_now
from tests.support.world import World

WAIT_SECONDS = 60
NOW = utc_now()


class Clock:
    """The sweeper's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr(sweeper, "utc_now", lambda: self.now)

    def at(self, seconds: float) -> None:
        """So long after the clock-in."""
        self.now = NOW + timedelta(seconds=seconds)


def occupied(world: World, now: datetime = NOW) -> World:
    world.clock_in(world.va(), world.account(), now)
    return world


def keys(world: World) -> int:
    with world.database.read(EVERY_ORG) as session:
        return session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0
