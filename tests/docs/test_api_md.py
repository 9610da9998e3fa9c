"""docs/api.md: its commands run, and the server answers as the page shows."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from models import Membership
from tests.support import ROOT
from tests.support.server import Server, environment
from tests.support.world import World

PAGE = (ROOT / "docs/api.md").read_text()
# A block of commands, and what it prints, where that is shown next.
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n^```(\w*)\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
END = "-- the end of a block --"
CODES = {"M3RD-4VZA-8KWE": "Maya Chen", "K7QF-9TWM-2XHP": "Ana Reyes", "4HNB-7YQC-1FGE": "Ben Cruz"}


@pytest.fixture
def org(org: World) -> World:
    org.account("Acme Dental")
    org.account("Blue Heron Bakery")
    return org


def test_api_md_does_what_it_says(
    served: tuple[Server, str], org: World, maya: Membership, tmp_path: Path
) -> None:
    blocks = BLOCK.findall(PAGE)
    commands = f"echo '{END}'\n".join(command for command, _, _ in blocks)
    commands = commands.replace("http://127.0.0.1:8000", served[0].url)
    for shown, member in zip(CODES, (maya, org.va("Ana Reyes"), org.va("Ben Cruz")), strict=True):
        code = org.code(member)
        commands = commands.replace(shown, code)
        commands = commands.replace(shown.lower().replace("-", " "), code.lower().replace("-", " "))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    printed = done.stdout.split(f"{END}\n")
    for (_, kind, shown), out in zip(blocks, printed, strict=True):
        if shown:
            COMPARE[kind](out, shown.replace("Demo Bookkeeping", org.name))


def compare_text(out: str, shown: str) -> None:
    assert matches(out.strip(), shown.strip()), (out, shown)


def compare_json(out: str, shown: str) -> None:
    bare = re.sub(r"(?<=[:,] )…", '"…"', shown)
    assert is_like(json.loads(out), json.loads(bare)), (out, shown)


def compare_http(out: str, shown: str) -> None:
    """The status, the headers that are shown, and the body where one is."""
    head, _, body = out.replace("\r\n", "\n").partition("\n\n")
    wanted, _, shown_body = shown.partition("\n\n")
    (status, *headers), (wanted_status, *wanted_headers) = head.splitlines(), wanted.splitlines()
    assert status.strip() == wanted_status
    for header in wanted_headers:
        assert any(matches(each.lower(), header.lower()) for each in headers), (header, headers)
    if shown_body.strip():
        compare_json(body, shown_body)


def is_like(value: Any, shown: Any) -> bool:
    if shown == "…":
        return value is not None
    if isinstance(shown, dict):
        return (
            isinstance(value, dict)
            and set(value) == set(shown)
            and all(is_like(value[name], like) for name, like in shown.items())
        )
    if isinstance(shown, list):
        if shown[-1:] == ["…"]:  # and so on
            value, shown = value[: len(shown) - 1], shown[:-1]
        return len(value) == len(shown) and all(map(is_like, value, shown))
    return matches(value, shown) if isinstance(shown, str) else bool(value == shown)


def matches(text: str, shown: str) -> bool:
    return re.fullmatch(re.escape(shown).replace("…", ".*"), text) is not None


COMPARE = {"": compare_text, "json": compare_json, "http": compare_http}
