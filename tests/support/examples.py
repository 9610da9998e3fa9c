"""Pages that show commands and what they print: both are run and compared."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.programs import program
from tests.support.server import environment

# A block of commands, and what it prints, where that is shown next.
BLOCK = re.compile(
    r"^```sh\n(.*?)^```\n(?:\n^```(?!sh)(\w*)\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
END = "-- the end of a block --"


class Example(NamedTuple):
    """A block of commands."""

    commands: str
    kind: str
    shown: str


def examples(page: str) -> list[Example]:
    """Those of ``page``, in their order."""
    return [Example(*found) for found in BLOCK.findall(page)]


def run(blocks: list[Example], folder: Path) -> None:
    """Run the commands in one shell in ``folder``, and compare what they print with the page."""
    program("curl")
    done = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            f"echo '{END}'\n".join(each.commands for each in blocks),
        ],
        cwd=folder,
        env=environment(CURL_HOME=str(folder)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done
    for (_, kind, shown), out in zip(blocks, done.stdout.split(f"{END}\n"), strict=True):
        if shown:
            COMPARE[kind](out, shown)


def compare_text(out: str, shown: str) -> None:
    assert matches(out.strip(), shown.strip()), (out, shown)


def compare_json(out: str, shown: str) -> None:
    bare = re.sub(r"(?<=[:,] )…", '"…"', shown)
    assert is_like(json.loads(out), json.loads(bare)), (out, shown)


def compare_http(out: str, shown: str) -> None:
    """The status, the headers that are shown, and the body where one is."""
    head, _, body = out.replace("\r\n", "\n").partition("\n\n")
    wanted, _, wanted_body = shown.partition("\n\n")
    (status, *headers), (wanted_status, *wanted_headers) = head.splitlines(), wanted.splitlines()
    assert status.strip() == wanted_status
    for header in wanted_headers:
        assert any(matches(each.lower(), header.lower()) for each in headers), (header, headers)
    if wanted_body.strip():
        compare_json(body, wanted_body)


def is_like(value: Any, shown: Any) -> bool:
    """Whether ``value`` is what is shown; ``…`` stands for any value but null."""
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
