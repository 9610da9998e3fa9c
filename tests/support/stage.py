"""A real server of two workers on a real PostgreSQL, both a test's own, with an org in it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from dev_postgres import PostgresServer, own_postgres
from tests.support.databases import opened
from tests.support.server import Server, copy_project, running_server
from tests.support.settings import SECRET_KEY, settings_for
from tests.support.world import World

PATIENCE_SECONDS = 60  # on a busy machine


@dataclass
class Stage:
    """``url`` is the service's, ``world`` works directly on the database."""

    postgres: PostgresServer
    project: Path
    server: Server
    world: World

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers that are alive."""
        master = self.server.process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [int(pid) for pid in children.split()]

    def get(self, path: str) -> tuple[int, str]:
        """The status and the body, over a connection of its own."""
        connection = HTTPConnection(urlsplit(self.server.url).netloc, timeout=PATIENCE_SECONDS)
        with closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    @property
    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def metric(self, name: str) -> float:
        """Over all workers; ``name`` with its labels, if it has any."""
        lines = self.get("/metrics")[1].splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    @property
    def feeds(self) -> tuple[float, float]:
        """How many workers listen, and how many poll the database."""
        listening, polling = (f'presence_feed{{kind="{kind}"}}' for kind in ("listen", "poll"))
        return self.metric(listening), self.metric(polling)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.postgres.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()

    def listeners(self) -> set[int]:
        """The process ids of the backends that the workers listen on."""
        named = "SELECT application_name, pid FROM pg_stat_activity"
        return {pid for name, pid in self.query(named) if name == "presence listener"}

    def terminate(self, backends: set[int]) -> None:
        for pid in backends:
            self.query(f"SELECT pg_terminate_backend({pid})")

    def assert_quiet(self) -> None:
        """The server has said nothing of a fault of its own."""
        for word in ("Traceback", "Exception", "ERROR", "CRITICAL", "SIGKILL"):
            assert word not in self.server.output, self.server.output


@contextmanager
def staged(folder: Path, **settings: str) -> Iterator[Stage]:
    with own_postgres() as postgres, staged_on(postgres, folder, **settings) as stage:
        yield stage


@contextmanager
def staged_on(postgres: PostgresServer, folder: Path, **settings: str) -> Iterator[Stage]:
    """Serve on ``postgres``; ``settings`` may name another way to it."""
    project = copy_project(folder / "presence")
    with served(postgres, project, **settings) as stage:
        yield stage


@contextmanager
def served(postgres: PostgresServer, project: Path, **settings: str) -> Iterator[Stage]:
    """Serve ``project``, which a test may have changed before."""
    settings = {"DATABASE_URL": postgres.url, "PRESENCE_SECRET_KEY": SECRET_KEY} | settings
    with (
        running_server(project, "--workers", "2", **settings) as server,
        opened(postgres.url) as database,
    ):
        yield Stage(postgres, project, server, World(database, settings_for(postgres.url)))


def edit(file: Path, old: str, new: str) -> None:
    """Change a line of a copied project."""
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


@contextmanager
def paused(*pids: int) -> Iterator[None]:
    """Meanwhile these processes do nothing: new connections go to the other workers."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            wait_until(lambda pid=pid: state_of(pid) == "T")
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def wait_until(condition: Callable[..., object], seconds: float = PATIENCE_SECONDS) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def state_of(pid: int) -> str:
    """As in ``ps``: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
