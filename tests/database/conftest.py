"""A database whose bytes are read on their way to PostgreSQL."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from models.database import Database
from models.reach import NO_ORG
from tests.support.databases import opened
from tests.support.settings import settings_for
from tests.support.wire_to_postgresql import Wire


@pytest.fixture
def through(wire: Wire) -> Iterator[Database]:
    """A database behind the wire, with a connection that has been used."""
    with opened(settings_for(wire.url)) as database:
        with database.read(NO_ORG) as session:
            session.scalar(text("SELECT 1"))
        yield database
