"""The application: ``create_app()``, and ``app`` for WSGI servers and the flask command."""

from collections.abc import Callable
from typing import Any

from flask import Flask

import cli
import routes
import settings as settings_module
from context import Context, attach
from models.database import Database
from routes.paths import OneSpelling
from settings import Settings


class PresenceFlask(Flask):
    """Flask, which need not ask of each function in a request's way whether it is a coroutine."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application.

    :param settings: read from the environment where not given
    """
    settings = settings or settings_module.load()
    app = PresenceFlask("presence", static_folder=None)
    app.config.update(routes.FLASK_CONFIG)
    app.url_map.merge_slashes = False
    attach(app, Context(settings, Database(settings)))
    routes.register(app, routes.Api(app), settings)
    app.wsgi_app = OneSpelling(app.wsgi_app)  # type: ignore[method-assign]
    cli.register(app)
    return app


def __getattr__(name: str) -> Any:
    """``app`` is made when a server asks for it: importing this module needs no settings."""
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = create_app()
    return globals()["app"]
