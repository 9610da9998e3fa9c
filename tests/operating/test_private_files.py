"""The key, SQLite's files and their folder are their owner's alone, however they came to be."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import settings as settings_module
from models.reach import EVERY_ORG
from settings import Settings, from_environment, load
from tests.support.databases import opened
from tests.support.server import copy_project, environment, running_server
from tests.support.settings import SECRET_KEY

FILES = {"presence.db", "presence.db-wal", "presence.db-shm"}
KEYS = [{}, {"PRESENCE_SECRET_KEY": SECRET_KEY}]


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """The shell that starts it would let everyone read all files."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path / "presence")


def modes(folder: Path) -> dict[str, int]:
    """Of the folder and what is in it."""
    found = [(".", folder), *((each.name, each) for each in folder.iterdir())]
    return {name: stat.S_IMODE(each.stat().st_mode) for name, each in found}


def assert_private(folder: Path, names: set[str]) -> None:
    found = modes(folder)
    assert names <= found.keys()
    assert found.pop(".") == 0o700
    assert set(found.values()) == {0o600}, found


def loosen(folder: Path) -> None:
    folder.chmod(0o755)
    for each in folder.iterdir():
        each.chmod(0o644)


def flask(project: Path, *arguments: str, **given: str) -> str:
    command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
    done = subprocess.run(
        command, cwd=project, env=environment(**given), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("key", KEYS, ids=["key made", "key given"])
def test_a_fresh_checkout_starts_and_keeps_its_files_to_itself(
    project: Path, key: dict[str, str]
) -> None:
    instance = project / "instance"
    assert not instance.exists()
    with running_server(project, "--workers", "1", **key) as server:
        assert_private(instance, FILES)
        assert (instance / "secret_key").exists() == (not key)
        assert "Others" not in server.output
    (instance / "backup.db").touch()
    loosen(instance)
    with running_server(project, "--workers", "1", **key) as server:
        assert_private(instance, FILES | {"backup.db"})
        for name in ("instance;", "presence.db;", "backup.db;", *([] if key else ["secret_key;"])):
            assert f"{name} now only its owner can" in server.output
        assert server.output.count("Others could read") == server.output.count("only its owner can")


@pytest.mark.parametrize("key", KEYS, ids=["key made", "key given"])
def test_so_do_the_commands(project: Path, key: dict[str, str]) -> None:
    instance = project / "instance"
    assert flask(project, "setup", **key) == ""
    assert_private(instance, {"presence.db"})
    loosen(instance)
    assert "presence.db; now only its owner can" in flask(project, "sweep", **key)
    assert_private(instance, {"presence.db"})


def test_a_folder_of_the_operators_stays_as_it_is_but_not_our_files_in_it(
    project: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    (folder / "theirs").touch(0o644)
    settings = {"DATABASE_URL": f"sqlite:///{folder}/own.db", "PRESENCE_SECRET_KEY": SECRET_KEY}
    flask(project, "setup", **settings)
    assert not (project / "instance").exists()
    with running_server(project, "--workers", "1", **settings):
        found = modes(folder)
    assert (found.pop("."), found.pop("theirs")) == (0o755, 0o644)
    assert found.keys() == {"own.db", "own.db-wal", "own.db-shm"}
    assert set(found.values()) == {0o600}


@contextmanager
def connected(where: str | Settings) -> Iterator[None]:
    with opened(where) as database:
        with database.write(EVERY_ORG) as session:
            session.connection().exec_driver_sql("CREATE TABLE IF NOT EXISTS one (id INTEGER)")
        yield


@pytest.mark.parametrize(
    "url", ["sqlite:///{}", "sqlite:///file:{}?uri=true", "sqlite:///file://{}?uri=true&mode=rwc"]
)
@pytest.mark.parametrize("name", ["plain.db", "with blank.db"])
def test_however_the_file_is_named(tmp_path: Path, url: str, name: str) -> None:
    path = tmp_path / "folder" / name
    path.parent.mkdir()
    written = str(path).replace(" ", "%20") if "file:" in url else str(path)
    with connected(url.format(written)):
        found = modes(path.parent)
    found.pop(".")
    assert found.keys() == {name, f"{name}-wal", f"{name}-shm"}
    assert set(found.values()) == {0o600}


def test_what_a_crash_left_behind_is_tightened_too(tmp_path: Path) -> None:
    path, crashed = tmp_path / "presence.db", tmp_path / "crashed"
    with connected(f"sqlite:///{path}"):
        shutil.copytree(tmp_path, crashed)
    for each in crashed.iterdir():
        each.chmod(0o666)
    with connected(f"sqlite:///{crashed}/presence.db"):
        found = modes(crashed)
    found.pop(".")
    assert set(found.values()) == {0o600}


def test_a_new_file_in_instance_may_have_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "INSTANCE", tmp_path / "instance")
    url = f"sqlite:///{tmp_path}/instance/other.db"
    made = from_environment({"DATABASE_URL": url, "PRESENCE_SECRET_KEY": SECRET_KEY})
    with connected(made):
        assert_private(tmp_path / "instance", {"other.db"})


def test_an_instance_that_can_not_be_made_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "INSTANCE", tmp_path / "instance")
    (tmp_path / "instance").touch()
    for key in KEYS:
        with pytest.raises(SystemExit) as stopped:
            load(key)
        assert str(stopped.value) == f"presence: {tmp_path}/instance: File exists"
