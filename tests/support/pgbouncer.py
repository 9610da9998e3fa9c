"""A real pgbouncer that pools transactions, in front of a test's PostgreSQL."""

import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from dev_postgres import PostgresServer, free_port, hand_over, process_options
from tests.support.processes import end
from tests.support.programs import program

START_SECONDS = 60
STOP_SECONDS = 10
SERVER_CONNECTIONS = 3  # few: what one transaction leaves behind, another would soon meet
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {home}/users
auth_user = postgres
pool_mode = transaction
default_pool_size = {server_connections}
max_client_conn = 200
"""


@dataclass
class Pgbouncer:
    """``url`` is that of the server behind it, through it."""

    url: str
    port: int
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text()


@contextmanager
def running_pgbouncer(
    server: PostgresServer,
    users: Iterable[str] = (),
    server_connections: int = SERVER_CONNECTIONS,
) -> Iterator[Pgbouncer]:
    """
    :param users: whom it lets in besides postgres; none needs a password
    :param server_connections: at most, for each database
    """
    command = program("pgbouncer")
    parent = server.home.parent
    with tempfile.TemporaryDirectory(prefix="presence-pgbouncer-", dir=parent) as folder:
        home, port = Path(folder).resolve(), free_port()
        (home / "users").write_text("".join(f'"{user}" ""\n' for user in ("postgres", *users)))
        (home / "ini").write_text(
            CONFIGURATION.format(
                server_port=server.port,
                port=port,
                home=home,
                server_connections=server_connections,
            )
        )
        options = process_options(home)
        hand_over(home, options)
        pooler = Pgbouncer(server.url.replace(str(server.port), str(port)), port, home / "log")
        with pooler.log.open("w") as log:
            process = subprocess.Popen([command, home / "ini"], stdout=log, stderr=log, **options)
        try:
            _wait_until_ready(pooler, process)
            yield pooler
        finally:
            end(process, STOP_SECONDS)


def _wait_until_ready(pooler: Pgbouncer, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            with closing(psycopg2.connect(pooler.url)):
                return
        except psycopg2.OperationalError:
            assert process.poll() is None, pooler.output
            assert time.monotonic() < give_up, pooler.output
            time.sleep(0.05)
