"""The recipe of docs/operating.md, "Backups", with the real pg_dump."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from dev_postgres import PostgresServer, own_postgres
from tests.support import ROOT
from tests.support.databases import empty_postgresql, migrate, new_postgresql, opened
from tests.support.row_security import OF_NO_ORG, counted, unprotected
from tests.support.settings import settings_for
from tests.support.world import World, dump

RECIPES = re.findall(
    r"^```sh\n(.*?)^```",
    (ROOT / "docs/operating.md").read_text().partition("### Backups")[2].partition("\n#")[0],
    re.MULTILINE | re.DOTALL,
)


def run(recipe: str, folder: Path, server: PostgresServer, url: str) -> str:
    """What it printed to standard error; the programs are those of the server's release."""
    path = f"{server.bin}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", recipe],
        cwd=folder,
        env={**os.environ, "PATH": path, "DATABASE_URL": url},
        capture_output=True,
        text=True,
    )
    return done.stderr


def test_what_the_recipe_dumps_is_restored_whole(tmp_path: Path) -> None:
    with own_postgres() as server:
        if not (server.bin / "pg_dump").exists():
            pytest.skip("this PostgreSQL comes without pg_dump")
        with empty_postgresql(server.url) as url:
            owner = make_url(url)
            with new_postgresql(server.url, f"OWNER {owner.username}") as new:
                restored = owner.set(database=make_url(new).database)
                check(tmp_path, server, url, restored.render_as_string(hide_password=False))


def check(folder: Path, server: PostgresServer, url: str, another: str) -> None:
    dumping, restoring = RECIPES
    migrate(url)
    with opened(url) as database:
        for name in ("One", "Two"):
            world = World(database, settings_for(url), name)
            ana = world.va()
            world.clock_in(ana, world.account())
        before = dump(database)
    assert "row-level security" in run("pg_dump -n presence $DATABASE_URL", folder, server, url)
    assert run(dumping, folder, server, url) == ""
    assert run(restoring, folder, server, another) == ""
    with opened(another) as database:
        assert dump(database) == before
        with database.read(world.id) as session:
            assert unprotected(session) == OF_NO_ORG
            assert set(counted(session).values()) <= {0, 1, 2}
        again = replace(world)
        again.database, again.id = database, world.id
        assert again.clock_out(ana)
