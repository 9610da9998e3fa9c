"""Whatever keeps the service from starting is said in one line (contract.md, "Settings")."""

import subprocess
import sysconfig
from pathlib import Path

import pytest

from dev_postgres import free_port
from models.clock_state import CLOCK_STATE
from tests.support import ROOT
from tests.support.databases import empty_postgresql, migrate
from tests.support.outside import query
from tests.support.server import environment
from tests.support.settings import SECRET_KEY, serving

BIN = Path(sysconfig.get_path("scripts"))


def last_words(url: str, **settings: str) -> str:
    """The only line of a server that does not start, set up as by dev.py."""
    given = {"DATABASE_URL": url, "PRESENCE_SECRET_KEY": SECRET_KEY, "PRESENCE_SETUP": "default"}
    done = subprocess.run(
        [BIN / "gunicorn", "--bind", f"127.0.0.1:{free_port()}", "asgi:application"],
        cwd=ROOT,
        env=environment(**(given | settings)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "[INFO]" not in line]
    return line


@pytest.mark.parametrize("path", ["missing", "file/below"])
def test_a_database_that_cant_be_opened_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    assert "database" in last_words(f"sqlite:///{tmp_path}/{path}/presence.db")


def test_a_database_that_cant_be_reached_is_named() -> None:
    assert "Connection refused" in last_words(f"postgresql://x@127.0.0.1:{free_port()}/none")


def test_a_database_that_is_not_utf_8_is_refused(postgresql_server: str) -> None:
    options = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with empty_postgresql(postgresql_server, options) as url:
        assert "LATIN1" in last_words(url)


def test_a_role_that_lacks_rights_is_named(postgresql_server: str) -> None:
    with empty_postgresql(postgresql_server) as url:
        migrate(url)
        role = serving(url)["PRESENCE_DB_ROLE"]
        query(url, f"REVOKE DELETE ON presence.sessions FROM {role}")
        said = last_words(url, PRESENCE_SETUP="")
        assert f"The role {role} lacks rights on sessions." in said
        assert f"flask setup --role {role}" in said
        said = last_words(url, PRESENCE_SETUP="", PRESENCE_DB_ROLE="nobody")
        assert 'role "nobody" does not exist' in said


def test_a_database_without_this_releases_functions_is_to_be_set_up(postgresql_server: str) -> None:
    with empty_postgresql(postgresql_server) as url:
        migrate(url)
        query(url, f"DROP FUNCTION presence.{CLOCK_STATE.signature}")
        said = last_words(url, PRESENCE_SETUP="", **serving(url))
        assert "functions that this release calls" in said
        assert said.endswith("run: flask setup")


def test_a_schema_with_others_tables_is_named(postgresql_server: str) -> None:
    with empty_postgresql(postgresql_server) as url:
        query(url, "CREATE SCHEMA presence; CREATE TABLE presence.orgs (id uuid)")
        line = last_words(url)
    assert "PRESENCE_DB_SCHEMA" in line
    assert ": orgs." in line
