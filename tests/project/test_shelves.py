"""Tests lie in folders by what they are about, and share nothing but tests/support/."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

TESTS = ROOT / "tests"
SHELVES = sorted(path for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__")


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The whole names of the modules, and of what is taken from them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of_tests(path: Path) -> set[str]:
    return {name for name in imported(path) if name.split(".")[0] in {"tests", "conftest"}}


@pytest.mark.parametrize("shelf", SHELVES, ids=lambda path: path.name)
def test_tests_import_of_tests_what_is_in_support_alone(shelf: Path) -> None:
    for path in [*python_files(shelf), TESTS / "conftest.py"]:
        for name in imports_of_tests(path):
            assert f"{name}.".startswith("tests.support."), f"{path} imports {name}"


def test_every_test_lies_on_a_shelf_and_all_helpers_in_support() -> None:
    assert [path.name for path in TESTS.glob("*.py")] == ["conftest.py"]
    for shelf in SHELVES:
        for path in python_files(shelf):
            is_test = path.name.startswith("test_") or path.name == "conftest.py"
            assert is_test == (shelf.name != "support"), path


def test_neither_the_product_nor_the_benchmarks_import_tests() -> None:
    others = [*ROOT.glob("*.py")]
    for folder in ROOT.iterdir():
        if folder.is_dir() and folder != TESTS and not folder.name.startswith("."):
            others += python_files(folder)
    assert ROOT / "bench/ceiling.py" in others
    for path in others:
        assert not imports_of_tests(path), path
