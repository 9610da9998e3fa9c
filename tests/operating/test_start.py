"""Whatever keeps the service from starting is said in one line (contract.md, "Settings")."""

import subprocess
import sysconfig
from pathlib import Path

import pytest

from dev_postgres import free_port
from tests.support import ROOT
from tests.support.databases import empty_postgresql
from tests.support.server import environment
from tests.support.settings import SECRET_KEY

BIN = Path(sysconfig.get_path("scripts"))


def last_words(url: str) -> str:
    """The only line of a server that does not start, set up as by dev.py."""
    done = subprocess.run(
        [BIN / "gunicorn", "--bind", f"127.0.0.1:{free_port()}", "asgi:application"],
        cwd=ROOT,
        env=environment(DATABASE_URL=url, PRESENCE_SECRET_KEY=SECRET_KEY, PRESENCE_SETUP="default"),
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
