"""Clients as they come read what is compressed."""

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.long_orgs import occupied
from tests.support.programs import program
from tests.support.stage import Stage
from tests.support.world import World

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ASK = """
async ([url, token]) => {
  const headers = {Authorization: `Bearer ${token}`};
  const answer = await fetch(url, {headers});
  return [answer.headers.get("Content-Encoding"), await answer.text()];
}
"""


@pytest.fixture(scope="module")
def token(stage: Stage) -> str:
    """Of somebody whose snapshot is long."""
    world = World(stage.world.database, stage.world.settings, "Compressed clients")
    return world.token(occupied(world))


@pytest.fixture(scope="module")
def url(stage: Stage) -> str:
    return f"{stage.server.url}/v1/presence"


def curl(url: str, token: str, *options: str) -> bytes:
    command = [
        program("curl"),
        "--silent",
        "--noproxy",
        "*",
        "-H",
        f"Authorization: Bearer {token}",
    ]
    return subprocess.run([*command, *options, url], capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def plain(url: str, token: str) -> str:
    return curl(url, token).decode()


def test_curl_and_gzip(url: str, token: str, plain: str) -> None:
    assert curl(url, token, "--compressed").decode() == plain
    member = curl(url, token, "-H", "Accept-Encoding: gzip")
    assert len(member) < len(plain)
    tested = subprocess.run([program("gzip"), "-tv"], input=member, capture_output=True, check=True)
    assert b"OK" in tested.stderr
    assert b"ignored" not in tested.stderr  # nothing follows the member


def test_node(url: str, token: str, plain: str) -> None:
    script = f"({ASK})({json.dumps([url, token])}).then(a => console.log(JSON.stringify(a)))"
    said = subprocess.run([program("node"), "-e", script], capture_output=True, check=True)
    assert json.loads(said.stdout) == ["gzip", plain]


def test_chromium(chromium: "Browser", stage: Stage, url: str, token: str, plain: str) -> None:
    page = chromium.new_page()
    page.goto(f"{stage.server.url}/healthz")
    assert page.evaluate(ASK, [url, token]) == ["gzip", plain]
    page.close()
