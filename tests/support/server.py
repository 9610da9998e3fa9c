"""The real server, as ``dev.py run`` starts it, in a fresh copy of the project."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from dev_postgres import free_port
from tests.support import ROOT
from tests.support.settings import serving

START_SECONDS = 60
STOP_SECONDS = 60

# `dev.py run`, except that it installs nothing: it starts the programs beside this Python. (A
# .venv that is a link, or was made for another folder, it would clear and make anew.)
RUN = """
import sys, sysconfig, dev
dev.prepare = lambda venv, locks: None
dev.program = lambda name: sysconfig.get_path("scripts") + "/" + name
dev.main("run", *sys.argv[1:])
"""

# Settings of whoever runs the tests are not the tests'.
OTHERS = ("DATABASE_URL", "PRESENCE_", "FLASK_", "GUNICORN_", "PYTHON", "WEB_CONCURRENCY")


@dataclass
class Server:
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        """All that it has printed."""
        return self.log.read_text()

    def press_ctrl_c(self) -> None:
        """Interrupt it as a terminal does: the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(STOP_SECONDS)


def copy_project(folder: Path) -> Path:
    """A copy in ``folder`` as in a fresh checkout: without what .gitignore names.

    But with the compiled modules, which save each start a second.
    """
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().split()}
    ignored.remove("__pycache__")
    return Path(shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".git", *ignored)))


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with ``settings`` as the only ones of the service."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    if url := settings.get("DATABASE_URL"):
        served = serving(url)
        settings = {**served, **settings, "DATABASE_URL": served["DATABASE_URL"]}
    return {**inherited, "NO_PROXY": "*", **settings}


@contextmanager
def running_server(project: Path, *options: str, **settings: str) -> Iterator[Server]:
    """Serve ``project``, at any port, until the end, which must be a clean one."""
    with running_server_at(free_port(), project, *options, **settings) as server:
        yield server


@contextmanager
def running_server_at(port: int, project: Path, *options: str, **settings: str) -> Iterator[Server]:
    log = project.with_name(f"{project.name}-{port}.log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, "--port", str(port), *options],
            cwd=project,
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_until_up(server)
        yield server
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0, server.output
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_up(server: Server) -> None:
    give_up = time.monotonic() + START_SECONDS
    while not answers(f"{server.url}/healthz"):
        assert server.process.poll() is None, server.output
        assert time.monotonic() < give_up, server.output
        time.sleep(0.05)


def answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
