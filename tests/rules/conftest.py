"""Sweeps at times that a test chooses."""

import pytest

from context import Context
from models.database import Database
from settings import Settings
from tests.support.sweeping import Clock


@pytest.fixture
def context(settings: Settings, database: Database) -> Context:
    return Context(settings, database)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    return Clock(monkeypatch)
