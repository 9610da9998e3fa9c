"""docs/security.md treats every requirement of ASVS 5.0.0, levels 1 and 2, and names real tests."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.support import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
STANDARD = Path(__file__).with_name("asvs-5.0.0.txt").read_text().splitlines()[1:]
CHAPTER = re.compile(r"^### V(\d+) ", re.MULTILINE)
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| (.+?) \| (.*) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/\w+/\w+\.py)::(\w+)`")
VERDICTS = {"holds", "operator", "otherwise", "not here"}


class Row(NamedTuple):
    number: str
    level: str
    about: str
    verdict: str
    why: str


ROWS = [Row(*found) for found in ROW.findall(PAGE)]


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_requirement_is_treated_once_and_in_order() -> None:
    assert len(STANDARD) == 253
    assert [f"{row.number} {row.level}" for row in ROWS] == STANDARD


def test_each_requirement_stands_in_its_chapter() -> None:
    chapters = CHAPTER.split(PAGE)[1:]
    assert chapters[::2] == [str(number) for number in range(1, 18)]
    for chapter, text in zip(chapters[::2], chapters[1::2], strict=True):
        assert {number.split(".")[0] for number, *_ in ROW.findall(text)} == {chapter}


def test_every_test_that_is_named_exists() -> None:
    named = TEST.findall(PAGE)
    assert len(named) > 100
    for file, test in named:
        assert test in names_in(file), f"{file}::{test}"
    assert len(named) == len(re.findall(r"::test_", PAGE))  # in that form, all of them


def test_each_has_a_verdict_and_a_reason() -> None:
    for row in ROWS:
        assert row.verdict in VERDICTS, row.number
        assert row.why, row.number
        if row.verdict == "holds":
            assert TEST.search(row.why) or "](" in row.why, row.number
