"""Two servers, and a clock that runs as a test wants."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from app import create_app
from routes import write_limit
from services.rate_limits import Limit
from services.times import utc_now
from settings import Settings
from tests.support.races import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(utc_now(), timedelta(milliseconds=1))
    for user in ("routes.auth", "routes.clock", "live.sweeper"):
        monkeypatch.setattr(f"{user}.utc_now", clock)
    return clock


@pytest.fixture
def servers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Flask]]:
    """Two, which share nothing but the database, and let members write more than people do."""
    monkeypatch.setattr(write_limit, "LIMIT", Limit(10_000, window_seconds=60))
    apps = [create_app(settings) for _ in range(2)]
    yield apps
    for app in apps:
        app.extensions["presence"].database.close()
