"""Apps on databases of a test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

import settings as settings_module
from app import create_app
from settings import from_environment
from tests.support.settings import settings_for


@pytest.fixture
def app_on() -> Iterator[Callable[..., Flask]]:
    made = []

    def app_on(url: str | None) -> Flask:
        made.append(create_app(settings_for(url) if url else from_environment({})))
        return made[-1]

    yield app_on
    for app in made:
        app.extensions["presence"].database.close()


@pytest.fixture
def default_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app_on: Callable[..., Flask]
) -> Flask:
    """On the default database, in a folder of the test's."""
    monkeypatch.setattr(settings_module, "INSTANCE", tmp_path / "instance")
    return app_on(None)
