"""Whether the process is up does not depend on how busy its threads are."""

from typing import Any

import pytest
from flask import Flask

from live.application import Application
from live.turns import Waited
from tests.support.asgi_client import ask
from tests.support.live_apps import run


def test_health_is_told_while_others_have_all_the_threads(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(*_: Any, **__: Any) -> None:
        raise Waited

    async def tell(application: Application) -> None:
        monkeypatch.setattr(application.flask.turns, "run", wait)
        assert (await ask(application, {}, path="/openapi.json")).status == 503
        for method in ("GET", "HEAD"):
            assert (await ask(application, {}, path="/healthz", method=method)).status == 200

    run(app, tell)
