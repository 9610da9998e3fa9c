"""Flask's test client, with answers whose JSON may be looked into as it comes."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse


class AppAnswer(TestResponse):
    json: Any


class AppClient(FlaskClient):
    open: Callable[..., AppAnswer]
    get: Callable[..., AppAnswer]
    head: Callable[..., AppAnswer]
    post: Callable[..., AppAnswer]
    put: Callable[..., AppAnswer]
    patch: Callable[..., AppAnswer]
    delete: Callable[..., AppAnswer]
    options: Callable[..., AppAnswer]

    def __init__(self, app: Flask) -> None:
        super().__init__(app, AppAnswer)
