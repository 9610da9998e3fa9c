"""What the documents and the code name exists: pages, headings, files, functions and commands."""

import re
from pathlib import Path

import pytest
from flask import Flask

from dev import BENCHES, COMMANDS
from tests.support import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), ROOT / "clients/js/README.md"]
OURS = [page for page in PAGES if page.name != "contract.md"]  # it names what is still to be built

IGNORED = {line.strip("/") for line in (ROOT / ".gitignore").read_text().split()} | {".git"}
FILES = [
    path
    for path in ROOT.rglob("*")
    if path.is_file() and not IGNORED & set(path.relative_to(ROOT).parts)
]
SOURCES = [path for path in FILES if path.suffix in (".py", ".js", ".sh", ".conf")]
FOLDERS = {path.relative_to(ROOT).parts[0] for path in FILES if path.parent != ROOT}

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)")
QUOTED = re.compile(r"`([^`\n]+)`")
FLASK = re.compile(r"^(?:\S*/)?flask (?:--app app )?(\w+)(?: (\w+))?", re.MULTILINE)
FUNCTION = re.compile(r"`(\w+)\(\)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            assert anchor in {anchor_of(heading) for heading in headings_of(path)}, (target, anchor)


def test_the_headings_that_the_code_cites_exist() -> None:
    cited = {
        (page, heading)
        for path in SOURCES
        for page, heading in re.findall(r'(\w+\.md), "([^"\n]+)"', path.read_text())
    }
    assert ("contract.md", "Errors") in cited
    headings = {(page.name, heading) for page in PAGES for heading in headings_of(page)}
    assert cited <= headings, cited - headings


@pytest.mark.parametrize("page", OURS, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    names = {path.name for path in FILES}
    for quoted in QUOTED.findall(page.read_text()):
        name = quoted.partition("::")[0]
        folder, slash, _ = name.partition("/")
        if slash and folder in FOLDERS and " " not in name:
            assert list(ROOT.glob(name)), name
        elif re.fullmatch(r"\w+\.(py|js)", name):
            assert name in names, name


@pytest.mark.parametrize("page", OURS, ids=lambda page: str(page.relative_to(ROOT)))
def test_functions_that_are_named_exist(page: Path) -> None:
    sources = "".join(path.read_text() for path in SOURCES)
    for name in FUNCTION.findall(page.read_text()):
        assert re.search(rf"(def |function |^  ){name}\(", sources, re.MULTILINE), name


def test_commands_that_are_named_exist(app: Flask) -> None:
    text = "".join(page.read_text() for page in OURS)
    for name, argument in re.findall(r"python3 dev\.py (\w+)(?: (\w+))?", text):
        assert name in COMMANDS
        if name == "bench" and argument != "NAME":
            assert argument in BENCHES
    for group, sub in FLASK.findall(text):
        command = app.cli.commands[group]
        assert sub in getattr(command, "commands", {sub: None}), (group, sub)


def headings_of(page: Path) -> set[str]:
    """Without marks: those of code, and the one of what is still to be built."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.*?)(?: ◇)?(?: \(.*\))?$", prose, re.MULTILINE)
    return {heading.replace("`", "") for heading in found}


def anchor_of(heading: str) -> str:
    """What a browser of repositories makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
