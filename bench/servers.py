"""Servers and databases for benchmarks, each ended with its block."""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

import dev_postgres as postgres
from bench.common import SERVER_CORE, Unable, end, on_core
from models import migrations
from models.database import Database
from models.reach import EVERY_ORG
from settings import Settings, from_environment

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30
FEEDS_PROVEN_SECONDS = 3.0  # until then a new server reads the database at each poll
TICKS = os.sysconf("SC_CLK_TCK")  # a second
SETTINGS = {
    "PRESENCE_SECRET_KEY": "only for benchmarks: thirty-two bytes or more",
    # Nobody becomes stale by himself: every change is one that the benchmark made.
    "PRESENCE_STALE_AFTER": "43200",
    "PRESENCE_EXPIRE_AFTER": "86400",
}
# Settings of whoever runs the benchmarks are not theirs.
OTHERS = ("DATABASE_URL", "PRESENCE_", "FLASK_", "GUNICORN_", "WEB_CONCURRENCY", "PROMETHEUS_")


@dataclass
class Place:
    """A migrated database, and the settings to serve it with.

    :ivar counts_statements: PostgreSQL has pg_stat_statements
    :ivar postmaster: the id of PostgreSQL's first process, or None
    """

    environment: dict[str, str]
    counts_statements: bool = False
    postmaster: int | None = None
    settings: Settings = field(init=False)
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self.settings = from_environment(self.environment)
        self.database = Database(self.settings)

    def statements(self) -> int:
        """All that PostgreSQL has run so far, but for BEGIN, COMMIT, SET and their like."""
        query = "SELECT coalesce(sum(calls), 0) FROM public.pg_stat_statements"
        with self.database.read(EVERY_ORG) as session:
            return int(session.scalar(text(query)) or 0)

    def cpu_seconds(self) -> float:
        """What PostgreSQL has used so far, by processes that have ended too."""
        if self.postmaster is None:
            return 0
        of_the_ended = _fields(self.postmaster)[13:15]
        return sum(map(int, of_the_ended)) / TICKS + cpu_seconds(
            [self.postmaster, *children(self.postmaster)]
        )


@contextmanager
def place(kind: str, **environment: str) -> Iterator[Place]:
    """A new database, ``postgresql`` or ``sqlite``, and nothing of it left at the end."""
    with tempfile.TemporaryDirectory(prefix="presence-bench-") as folder:
        if kind == "sqlite":
            found = {**SETTINGS, **environment, "DATABASE_URL": f"sqlite:///{folder}/presence.db"}
            with _migrated(Place(found)) as result:
                yield result
            return
        counts_statements = _configure_postgresql()
        with postgres.own_postgres() as server:
            found = {**SETTINGS, **environment, "DATABASE_URL": server.url}
            with _migrated(Place(found, counts_statements, server.process.pid)) as result:
                yield result


def _configure_postgresql() -> bool:
    """As in earnest, unlike in the tests: what is committed is on the disk."""
    postgres.SETTINGS.update(
        {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
        | {"shared_buffers": "512MB", "max_wal_size": "4GB"}
    )
    installation = postgres.preferred_installation().parent
    if not list(installation.glob("lib/**/pg_stat_statements.so")):
        return False
    postgres.SETTINGS["shared_preload_libraries"] = "pg_stat_statements"
    postgres.SETTINGS["pg_stat_statements.track_utility"] = "off"
    return True


@contextmanager
def _migrated(place: Place) -> Iterator[Place]:
    try:
        with place.database.write(EVERY_ORG) as session:
            migrations.upgrade(session.connection())
            if place.counts_statements:
                session.execute(text("CREATE EXTENSION pg_stat_statements SCHEMA public"))
        yield place
    finally:
        place.database.close()


@dataclass
class Server:
    """A started server on one core."""

    port: int
    process: "subprocess.Popen[bytes]"
    was_killed: bool = False

    def kill(self) -> None:
        """End all its processes with -9."""
        self.was_killed = True
        os.killpg(self.process.pid, signal.SIGKILL)

    @property
    def workers(self) -> list[int]:
        """The ids of its worker processes."""
        return children(self.process.pid)

    def cpu_seconds(self) -> float:
        """What its workers have used so far."""
        return cpu_seconds(self.workers)

    def memory_bytes(self) -> int:
        """The proportional set size of its workers."""
        kilobytes = 0
        for worker in self.workers:
            for line in Path(f"/proc/{worker}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
        return kilobytes * 1024


def children(process: int) -> list[int]:
    return [
        int(id_) for id_ in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]


def cpu_seconds(processes: Iterable[int]) -> float:
    """What these have used so far, in user and system mode together."""
    ticks = 0
    for process in processes:
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            ticks += sum(map(int, _fields(process)[11:13]))
    return ticks / TICKS


def _fields(process: int) -> list[str]:
    """Those of proc(5), "stat", from the third on."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


@contextmanager
def gunicorn(
    application: str,
    place: Place,
    *options: str,
    workers: int = 1,
    config: str = "gunicorn.conf.py",
) -> Iterator[Server]:
    """``application`` as dev.py serves it, but for ``options``."""
    port = postgres.free_port()
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    command = ["-m", "gunicorn", "--config", config, *bind, *options, application]
    with serving(port, sys.executable, *command, **place.environment) as server:
        wait_until_up(server)
        give_up = time.monotonic() + START_SECONDS
        while len(server.workers) < workers:
            if time.monotonic() > give_up:
                raise Unable(f"not all {workers} workers started")
            time.sleep(0.1)
        yield server


@contextmanager
def serving(port: int, *command: str, **environment: str) -> Iterator[Server]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            on_core(SERVER_CORE, *command),
            cwd=ROOT,
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            server = Server(port, process)
            yield server
            if process.poll() is not None and not server.was_killed:
                raise Unable("a server ended by itself")
        except Unable as error:
            log.seek(0)
            said = log.read().decode(errors="replace")[-2000:]
            raise Unable(f"{error}; {command[0]} said:\n{said}" if said else str(error)) from None
        finally:
            end(process)


def wait_until_up(server: Server, path: str = "/healthz") -> None:
    """Wait until the server answers, whatever it answers."""
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            get(server.port, path, {})
            return
        except OSError:
            if server.process.poll() is not None or time.monotonic() > give_up:
                raise Unable("a server did not start") from None
            time.sleep(0.1)


def get(port: int, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    """One GET on a connection of its own, its body read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()
