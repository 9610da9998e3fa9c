"""When services were last used is not lost at a clean stop, whatever serves."""

import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from dev_postgres import free_port
from tests.support import ROOT
from tests.support.processes import end
from tests.support.server import environment
from tests.support.services import Made, last_used_at, service
from tests.support.settings import SECRET_KEY
from tests.support.stage import wait_until
from tests.support.world import World

PLAIN_WSGI = ["--threads", "4", "app:app"]
SERVERS = {"the gate": ["asgi:application"], "plain WSGI": PLAIN_WSGI}
STOP_SECONDS = 30


def polled(port: int, made: Made) -> int | None:
    """The status; None while nobody listens."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=STOP_SECONDS)) as connection:
        try:
            connection.request("GET", "/v1/presence", headers=made.bearer)
            return connection.getresponse().status
        except OSError:
            return None


@pytest.mark.parametrize("server", SERVERS)
def test_a_clean_stop_writes_what_was_noted(
    world: World, database_url: str, tmp_path: Path, server: str
) -> None:
    written, waiting = (service(world, "presence:read") for _ in range(2))
    config = ROOT / "gunicorn.conf.py"
    if server == "plain WSGI":
        config = tmp_path / "none.py"
        config.write_text("control_socket_disable = True\n")
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "-c", config),
            *("--bind", f"127.0.0.1:{port}", *SERVERS[server]),
        ],
        cwd=ROOT,
        env=environment(DATABASE_URL=database_url, PRESENCE_SECRET_KEY=SECRET_KEY),
    )
    try:
        wait_until(lambda: polled(port, written) == 200)
        wait_until(lambda: last_used_at(world, written) is not None)
        assert polled(port, waiting) == 200  # within the same minute: it is only noted
        assert last_used_at(world, waiting) is None
    finally:
        end(process, STOP_SECONDS)
    assert process.returncode == 0
    assert last_used_at(world, waiting) is not None
