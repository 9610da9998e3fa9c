"""No source file is longer than a reader takes in at once."""

from collections.abc import Iterator
from pathlib import Path

from tests.support import ROOT

MOST_LINES = 300
SUFFIXES = {".py", ".js", ".sh", ".css", ".html"}


def sources() -> Iterator[Path]:
    """Those of product and tests that are not made by a tool."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().split()}
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if any(part in ignored or part.startswith(".") for part in parts):
            continue
        if path.is_file() and (path.suffix in SUFFIXES or parts[0] == "scripts"):
            yield path


def test_no_file_has_more_than_300_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in sources()}
    assert ROOT / "scripts/who" in lengths
    assert ROOT / "clients/js/src/poller.js" in lengths
    assert [path for path, length in lengths.items() if length > MOST_LINES] == []
