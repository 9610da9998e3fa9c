"""No sweep in the background: a test sweeps when it wants to."""

import threading

import pytest


@pytest.fixture(autouse=True)
def unswept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.sweeper.start", lambda _context: threading.Event())
