"""Clients that can't be told apart: the log says once what to set, and nothing breaks."""

import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask import Flask

from context import Context
from routes import addresses
from tests.support import ROOT
from tests.support.app_client import AppClient
from tests.support.databases import migrate, opened
from tests.support.server import environment
from tests.support.settings import SECRET_KEY, settings_for
from tests.support.world import World, ago

START_SECONDS = 60

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@only_sqlite
@pytest.mark.parametrize(
    ("trusted", "connected", "headers", "said"),
    [
        (0, "192.0.2.1", {}, []),
        (0, "192.0.2.1", {"X-Forwarded-For": "198.51.100.7"}, [addresses.THROUGH_A_PROXY]),
        (0, "192.0.2.1", {"Forwarded": "for=198.51.100.7"}, [addresses.THROUGH_A_PROXY]),
        (1, "192.0.2.1", {"X-Forwarded-For": "198.51.100.7"}, []),
        (1, "192.0.2.1", {"X-Forwarded-For": "nonsense"}, []),
        (0, "", {}, [addresses.WITHOUT_ADDRESS]),
        (0, "", {"X-Forwarded-For": "198.51.100.7"}, [addresses.WITHOUT_ADDRESS]),
        (1, "", {"X-Forwarded-For": "198.51.100.7"}, []),
        (1, "", {}, [addresses.WITHOUT_ADDRESS]),
    ],
)
def test_it_is_said_once_what_to_set(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trusted: int,
    connected: str,
    headers: dict[str, str],
    said: list[str],
) -> None:
    was: Context = app.extensions["presence"]
    settings = settings_for(str(was.settings.database_url), PRESENCE_TRUSTED_PROXIES=str(trusted))
    app.extensions["presence"] = Context(settings, was.database)
    monkeypatch.setattr(addresses, "_said", set())
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        AppClient(app).get("/v1/me", headers=headers, environ_overrides={"REMOTE_ADDR": connected})
    found = [each.getMessage() for each in caplog.records if each.name == "presence.addresses"]
    assert found == said
    assert all("PRESENCE_TRUSTED_PROXIES" in each for each in found)


class UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(str(self._path))


def enter(path: Path, code: str, **headers: str) -> int:
    connection = UnixConnection(path)
    try:
        body = json.dumps({"access_code": code})
        headers = {"Content-Type": "application/json", **headers}
        connection.request("POST", "/v1/sessions", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def served(path: Path, url: str, log: Path, **settings: str) -> Iterator[None]:
    """One worker on a unix socket."""
    command = [sys.executable, "-m", "gunicorn", "--bind", f"unix:{path}", "asgi:application"]
    given = environment(DATABASE_URL=url, PRESENCE_SECRET_KEY=SECRET_KEY, **settings)
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=ROOT, env=given, stdout=output, stderr=output) as server,
    ):
        try:
            give_up = time.monotonic() + START_SECONDS
            while not path.exists():
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < give_up
                time.sleep(0.05)
            yield
        finally:
            server.terminate()


def test_a_unix_socket_has_no_address(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/presence.db"
    migrate(url)
    log = tmp_path / "log"
    with opened(url) as database:
        world = World(database, settings_for(url))
        ana = world.va()
        right, expired = world.code(ana), world.code(ana, expires_at=ago(1))
        with served(tmp_path / "a", url, log):
            assert enter(tmp_path / "a", expired, **{"X-Forwarded-For": "198.51.100.7"}) == 401
            assert [enter(tmp_path / "a", "0000-0000-0000") for _ in range(10)][-1] == 429
            assert enter(tmp_path / "a", right) == 429
        assert log.read_text().count(addresses.WITHOUT_ADDRESS) == 1
        assert addresses.THROUGH_A_PROXY not in log.read_text()
        with served(tmp_path / "b", url, log, PRESENCE_TRUSTED_PROXIES="1"):
            for address, code, status in (
                ("198.51.100.7", expired, 401),
                ("198.51.100.8", right, 200),
            ):
                assert enter(tmp_path / "b", code, **{"X-Forwarded-For": address}) == status
        assert "PRESENCE_TRUSTED_PROXIES" not in log.read_text()
        refused = [event.address for event in world.log() if event.kind == "sign_in_refused"]
    assert refused == [None, "198.51.100.7"]
