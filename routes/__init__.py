"""HTTP: one blueprint per resource. Schema in, one transaction, one service call, schema out."""

import json
from functools import cached_property
from typing import Any

import flask_smorest
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider

from context import context
from routes import (
    addresses,
    admin,
    admin_accounts,
    admin_codes,
    admin_members,
    admin_services,
    admin_sessions,
    board,
    clock,
    directory,
    docs,
    errors,
    headers,
    history,
    operations,
    presence,
    problem_pages,
    request_log,
    sessions,
    write_limit,
)
from routes.requests import check_form
from schemas.problem import Problem
from settings import Settings
from wire.json import compact_json

FLASK_CONFIG = {
    "API_TITLE": "Presence",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "security": [{"bearer": []}],
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    },
}


class Json(DefaultJSONProvider):
    """Writes what views return as a dict as all other JSON is written."""

    def response(self, *args: Any, **kwargs: Any) -> Response:
        body = compact_json(self._prepare_response_obj(args, kwargs))
        return Response(body, mimetype=self.mimetype)


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask-smorest has no types
    """Documents only what a route answers; all errors are problems."""

    DEFAULT_ERROR_RESPONSE_NAME = None
    ERROR_SCHEMA = Problem

    @cached_property
    def _written(self) -> bytes:
        return json.dumps(self.spec.to_dict(), indent=2).encode()

    def _openapi_json(self) -> Response:
        """What never changes is written once: it takes 20 ms, and anyone may ask for it."""
        return Response(self._written, mimetype="application/json")


def read_issuers_keys() -> None:
    """Where no server process has begun to (live/application.py), the first request does.

    A command does not.
    """
    context().issuers.start()


def register(app: Flask, api: Api, settings: Settings) -> None:
    """Put the endpoints, their errors and their headers into ``app``."""
    app.json = Json(app)
    headers.register(app, settings)
    request_log.register(app)
    addresses.register(app)
    write_limit.register(app)
    app.before_request(check_form)
    app.before_request(read_issuers_keys)
    for resource in (
        sessions,
        clock,
        presence,
        admin,
        admin_accounts,
        admin_members,
        admin_codes,
        admin_sessions,
        directory,
        admin_services,
        history,
    ):
        api.register_blueprint(resource.blueprint)
    app.register_blueprint(operations.blueprint)
    app.register_blueprint(problem_pages.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(board.blueprint)
    errors.register(app)
