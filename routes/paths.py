"""Paths: one spelling of each reaches a route, and every other is a 404.

A proxy in front may keep some paths from strangers, as it reads them. Whatever it reads otherwise
than we do walks around its rules: so nothing is merged, decoded or cut off here.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Blueprint, Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# No route ends so: a path that is spelled otherwise leads there.
NOWHERE = "/%2F"


def of(app: Flask, blueprint: Blueprint) -> set[str]:
    """The paths of a blueprint's routes."""
    rules = app.url_map.iter_rules()
    return {rule.rule for rule in rules if rule.endpoint.startswith(f"{blueprint.name}.")}


class OneSpelling:
    """WSGI middleware: Werkzeug takes ``//metrics`` for ``/metrics``, servers decode ``%6D``."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        # As it was sent, where the server tells: gunicorn and uWSGI do.
        sent = environ.get("RAW_URI") or environ.get("REQUEST_URI") or path
        if path[:1] != "/" or path[1:2] == "/" or "%" in sent.partition("?")[0]:
            environ = {**environ, "PATH_INFO": path + NOWHERE}
        return self._app(environ, start_response)
