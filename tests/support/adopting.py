"""docs/adopting.md as its readers follow it, from a project at Supabase to running servers."""

import re
import shlex
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from dev_postgres import PostgresServer, free_port
from tests.support import ROOT, examples
from tests.support.curl import Answer, curl
from tests.support.issuer import Issuer, serving
from tests.support.server import Server, answers, copy_project, running_server_at
from tests.support.stage import wait_until
from tests.support.supabase import ANA, Supabase, supabase

PAGE = (ROOT / "docs/adopting.md").read_text()
SQL = re.compile(r"^```sql\n(.*?)^```\n", re.MULTILINE | re.DOTALL)

# What stands in the page for a reader's own.
DATABASE = re.compile(r"postgresql://postgres\.abc:\S+(?=')")
ISSUER = "https://abc.supabase.co/auth/v1"
SERVICE = "http://127.0.0.1:8000"
APP = "https://app.example.com"
INSTALLING = re.compile(r"^(python3 -m venv|\.venv/bin/pip) .*\n", re.MULTILINE)
SERVING = "asgi:application"
# The editor of the project, in which its owner is signed in.
EDITOR = (
    "import psycopg2, sys;"
    "connection = psycopg2.connect(sys.argv[1]);"
    "connection.cursor().execute(sys.stdin.read());"
    "connection.commit()"
)


@dataclass
class Adopted:
    """A project beside which Presence serves.

    :ivar untouched: what was theirs before Presence was set up
    :ivar app: the origin of their application
    :ivar rest: the commands of the page after the start
    """

    project: Supabase
    untouched: list[tuple[str, str, str]]
    issuer: Issuer
    server: Server
    app: str
    folder: Path
    rest: list[examples.Example]

    def call(self, path: str, token: str, *, org: UUID | None = None, data: Any = None) -> Answer:
        """What the service answers to a user with ``token``, who may choose an org."""
        header = () if org is None else ("--header", f"Presence-Org: {org}")
        return curl(f"{self.server.url}{path}", *header, token=token, data=data)


@contextmanager
def adopted(
    postgres: PostgresServer, folder: Path, *, pooler: str | None = None
) -> Iterator[Adopted]:
    """Follow the page up to the start of the servers, and start them.

    :param pooler: the address of a transaction pooler for ``DATABASE_URL``
    """
    project = copy_project(folder / "presence")
    with supabase(postgres.url, alembic_version="0003") as theirs, serving() as issuer:
        port, app = free_port(), f"http://127.0.0.1:{free_port()}"
        direct = f"127.0.0.1:{postgres.port}"
        database = theirs.url.replace(direct, pooler) if pooler else theirs.url
        page = DATABASE.sub(database, PAGE)
        if pooler:
            page = page.replace("END\nset -a", f"PRESENCE_LISTEN_URL={theirs.url}\nEND\nset -a", 1)
        for shown, own in {
            ISSUER: issuer.url,
            SERVICE: f"http://127.0.0.1:{port}",
            APP: app,
            "TOKEN=…": f"TOKEN={issuer.token(ANA)}",
            ".venv/bin/flask": f"{sysconfig.get_path('scripts')}/flask",
        }.items():
            assert shown in page
            page = page.replace(shown, own)
        before = theirs.theirs()
        first, rest = _before_and_after_the_start(INSTALLING.sub("", page), theirs.url)
        examples.run(first, project)
        settings = _settings_in(project)
        # One worker, so that /readyz speaks for all of them.
        with running_server_at(port, project, "--workers", "1", **settings) as server:
            wait_until(lambda: answers(f"{server.url}/readyz"))
            yield Adopted(theirs, before, issuer, server, app, project, rest)


def _before_and_after_the_start(
    page: str, owner: str
) -> tuple[list[examples.Example], list[examples.Example]]:
    run = shlex.join([sys.executable, "-c", EDITOR, owner])
    page = SQL.sub(lambda found: f"```sh\n{run} <<'SQL'\n{found[1]}SQL\n```\n", page)
    found = examples.examples(page)
    (start,) = (number for number, each in enumerate(found) if SERVING in each.commands)
    return found[:start], found[start + 1 :]


def _settings_in(folder: Path) -> dict[str, str]:
    """Those of the file that the page has its reader write."""
    lines = (folder / "presence.env").read_text().splitlines()
    named = (line.partition("=") for line in lines)
    return {name: "".join(shlex.split(value)) for name, _, value in named}
