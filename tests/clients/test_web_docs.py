"""What docs/web.md shows works: its scripts are built, as those of docs/adopting.md are, and its
poller and its curl lines run."""

import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support import ROOT, adopting
from tests.support.curl import codes, curl
from tests.support.node import package
from tests.support.programs import program
from tests.support.server import Server, copy_project, environment, running_server

PAGE = (ROOT / "docs/web.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE)
SCRIPTS = [
    (kind, text)
    for page in (PAGE, adopting.PAGE)
    for kind, text in BLOCK.findall(page)
    if kind in ("js", "jsx")
]
CURLS = [(command, answer) for (kind, command), (_, answer) in pairwise(BLOCKS) if kind == "sh"]

# What a reader's application has; everything else must be there, with the names that are imported.
THEIRS = [
    "react",
    "react/*",
    "next",
    "@tanstack/*",
    "./supabase",
    "./lib/*",
    "../../lib/*",
    "@/components/*",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which ``presence-client`` is installed."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/presence-client").symlink_to(package())
    return tmp_path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(copy_project(tmp_path / "presence")) as server:
        yield server


@pytest.mark.parametrize(("kind", "text"), SCRIPTS, ids=range(len(SCRIPTS)))
def test_a_script_can_be_built_and_imports_what_there_is(
    folder: Path, kind: str, text: str
) -> None:
    script = folder / f"sample.{kind}"
    script.write_text(text)
    options = ["--bundle", "--format=esm", "--jsx=automatic", "--log-level=warning"]
    done = subprocess.run(
        [
            package() / "node_modules/.bin/esbuild",
            script,
            *options,
            *(f"--external:{name}" for name in THEIRS),
            f"--outfile={folder / 'built.js'}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_poller_prints_who_is_where(folder: Path, server: Server) -> None:
    everyones = codes(server)
    ana = curl(f"{server.url}/v1/sessions", data={"access_code": everyones["Ana Reyes"]}).body
    account = ana["accounts"][0]
    at = {"account_id": account["id"]}
    assert curl(f"{server.url}/v1/clock-in", token=ana["token"], data=at).status == 201

    text = SCRIPTS[0][1].replace("https://presence.example.com", server.url)
    script = folder / "sample.mjs"
    script.write_text(text.replace("K7QF-9TWM-2XHP", everyones["Maya Chen"]))
    with subprocess.Popen(
        [program("node"), script], stdout=subprocess.PIPE, env=environment(), text=True
    ) as node:
        assert node.stdout
        printed = [node.stdout.readline().strip() for _ in range(2)]
        node.terminate()
    assert printed[0] == "live"
    assert printed[1].startswith(f"{account['name']} Ana Reyes • ")


def test_the_wire_is_as_curl_shows_it(tmp_path: Path, server: Server) -> None:
    code = {"access_code": codes(server)["Ana Reyes"]}
    token = curl(f"{server.url}/v1/sessions", data=code).body["token"]
    settings = environment(URL=server.url, TOKEN=token)
    assert CURLS
    for command, answer in CURLS:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.startswith(answer.strip()), done.stdout + done.stderr
