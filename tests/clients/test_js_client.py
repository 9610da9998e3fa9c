"""The npm package in clients/js: its own tests, its types, its size, and against a real server."""

import gzip
import json
import subprocess
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.support.node import LOCK, package
from tests.support.programs import program
from tests.support.server import copy_project, environment, running_server
from tests.support.settings import SECRET_KEY
from tests.support.stage import wait_until
from tests.support.world import World, ago

LARGEST_BYTES = 4_600  # gzipped, without React; a quarter checks answers that may be another's
NODE_SECONDS = 100


def run(*command: str, **settings: str) -> str:
    """What ``command`` prints in the package's folder; it must succeed."""
    answer = subprocess.run(
        command,
        cwd=package(),
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=NODE_SECONDS,
    )
    assert answer.returncode == 0, answer.stdout
    return answer.stdout


def tool(name: str) -> str:
    return str(package() / "node_modules/.bin" / name)


def test_the_packages_own_tests_pass() -> None:
    run(program("npm"), "test")


@pytest.mark.parametrize("folder", [".", "test"])
def test_its_types_are_strictly_right(folder: str) -> None:
    run(tool("tsc"), "--project", folder)


def test_its_types_are_packed_for_each_export() -> None:
    pack = [program("npm"), "pack", "--dry-run", "--json"]
    said = subprocess.run(pack, cwd=package(), env=environment(), capture_output=True, check=True)
    packed = {file["path"] for file in json.loads(said.stdout)[0]["files"]}
    exports = json.loads((package() / "package.json").read_text())["exports"]
    for export in exports.values():
        assert {path.removeprefix("./") for path in export.values()} <= packed
    assert not any(path.startswith(("test/", "node_modules/")) for path in packed)


def test_without_react_it_is_small() -> None:
    bundle = run(tool("esbuild"), "src/index.js", "--bundle", "--minify", "--format=esm")
    assert len(gzip.compress(bundle.encode(), 9)) < LARGEST_BYTES


def test_it_needs_nothing_at_run_time() -> None:
    described = json.loads((package() / "package.json").read_text())
    assert "dependencies" not in described
    assert described["peerDependenciesMeta"] == {"react": {"optional": True}}


def test_its_lock_names_no_registry() -> None:
    locked = json.loads(LOCK.read_text())["packages"]
    assert not any("resolved" in entry for entry in locked.values())


def test_it_follows_a_real_server(database_url: str, world: World, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": database_url, "PRESENCE_SECRET_KEY": SECRET_KEY}
    admin, va, account = world.admin(), world.va(), world.account()
    token = world.token(va)  # of a session that goes on: those begun long ago are over
    old, ended = (world.token(va, now=ago(hours * 3600)) for hours in (7, 13))
    members = {
        "admin": {"access_code": world.code(admin)},
        "va": {
            "id": str(va.id),
            "token": token,
            "old_token": old,
            "ended_token": ended,
        },
        "account": str(account.id),
    }
    revoke = tmp_path / "revoke"
    test = [program("node"), "--test", "test/server.test.js"]
    project = copy_project(tmp_path / "presence")
    with running_server(project, "--workers", "1", **settings) as server:
        told = environment(
            PRESENCE_TEST_URL=server.url,
            PRESENCE_TEST_WORLD=json.dumps(members),
            PRESENCE_TEST_REVOKE=str(revoke),
        )
        with subprocess.Popen(test, cwd=package(), env=told, stdout=PIPE, text=True) as process:
            wait_until(lambda: revoke.exists() or process.poll() is not None, NODE_SECONDS)
            world.revoke_tokens(va)
            said, _ = process.communicate(timeout=NODE_SECONDS)
    assert process.returncode == 0, said
    assert "# skipped 0" in said
