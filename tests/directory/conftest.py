"""An adopter with its views, beside the tests' PostgreSQL database."""

from collections.abc import Iterator

import pytest
from flask import Flask

from context import Context
from models.database import Database
from tests.support.adopter import AWAY, Adopter


@pytest.fixture
def adopter(database: Database) -> Iterator[Adopter]:
    adopter = Adopter(database)
    adopter.set_up()
    yield adopter
    adopter.run(AWAY)


@pytest.fixture
def context(app: Flask) -> Context:
    found: Context = app.extensions["presence"]
    return found
