"""A trusted issuer on loopback, and an app that trusts it."""

import json
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask

from models import Membership
from models.database import Database
from tests.support.app_client import AppClient
from tests.support.issuer import Issuer, enrol, key, serving
from tests.support.issuer_process import Process, Start
from tests.support.world import World


@pytest.fixture(autouse=True)
def unswept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.sweeper.start", lambda _context: threading.Event())


@pytest.fixture(scope="module")
def issuer_server() -> Iterator[Issuer]:
    with serving() as issuer:
        yield issuer


@pytest.fixture
def issuer(issuer_server: Issuer) -> Issuer:
    """With one key, and never asked."""
    issuer_server.keys = [key("one")]
    issuer_server.reset()
    return issuer_server


@pytest.fixture
def entry(issuer: Issuer) -> dict[str, object]:
    """The issuer's entry; a test may override this."""
    return issuer.entry


@pytest.fixture
def environment(entry: dict[str, object]) -> dict[str, str]:
    return {"PRESENCE_TRUSTED_ISSUERS": json.dumps([entry])}


@pytest.fixture
def client(app: Flask) -> Iterator[AppClient]:
    """Of an app that has read the issuer's keys."""
    issuers = app.extensions["presence"].issuers
    issuers.start()
    issuers.wait(10)
    yield AppClient(app)
    issuers.stop()


@pytest.fixture
def ana(world: World) -> Membership:
    """A user of the issuer's."""
    return enrol(world, uuid4())


@pytest.fixture
def other(world: World) -> World:
    """Another org, which nobody is in."""
    return World(world.database, world.settings, "Heron Tax")


@pytest.fixture
def start(database: Database, issuer: Issuer) -> Start:
    """Start a process; changes of the entry may be given."""
    return lambda **changes: Process(
        database, {k: v for k, v in (issuer.entry | changes).items() if v is not None}
    )
