"""The layers: each package imports only itself and what is below it, read off the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

# From the lowest: docs/design.md, "Layers".
LAYERS = (
    "private",
    "trusted_issuers",
    "settings",
    "metrics",
    "problem_log",
    "models",
    "feeds",
    "issuers",
    "services",
    "schemas",
    "wire",
    "service_uses",
    "context",
    "routes",
    "live",
    "cli",
    "app",
    "asgi",
    "gunicorn.conf",
)
# Beside the layers; nothing imports them but each other and the benchmarks.
TOOLS = {"dev", *(path.stem for path in ROOT.glob("dev_*.py"))}
# Not ours to order: Alembic loads its folder, a store takes the extension, people read the rest.
OTHERS = {"alembic", "bench", "clients", "extension", "tests", "web"}


def modules() -> dict[str, list[Path]]:
    """The files of each package and of each module at the top."""
    found = {path.stem: [path] for path in sorted(ROOT.glob("*.py"))}
    for folder in sorted(ROOT.iterdir()):
        files = sorted(folder.glob("**/*.py")) if folder.is_dir() else []
        if files and not folder.name.startswith(".") and folder.name not in OTHERS:
            found[folder.name] = files
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    """What is imported anywhere: in functions and for the type checker alone, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield str(ast.literal_eval(node.args[0])).partition(".")[0]


def arrows() -> set[tuple[str, str]]:
    """Which of our packages import which others."""
    ours = modules()
    return {
        (name, other)
        for name, files in ours.items()
        for file in files
        for other in imported(ast.parse(file.read_text()))
        # `alembic` is the library: the folder of that name is no package.
        if other != name and (other in {*ours, *OTHERS} - {"alembic"} or other.startswith("."))
    }


def test_every_package_has_a_layer() -> None:
    assert modules().keys() == {*LAYERS, *TOOLS}


def test_no_package_imports_one_above_it() -> None:
    upward = {
        (name, other)
        for name, other in arrows()
        if name in LAYERS and (other not in LAYERS or LAYERS.index(other) > LAYERS.index(name))
    }
    assert upward == set()


def test_only_tools_import_tools() -> None:
    found = {name for name, other in arrows() if other in TOOLS}
    assert found <= TOOLS


def test_the_lower_layers_are_used() -> None:
    # Were nothing found, the tests above would say nothing.
    assert {("routes", "wire"), ("live", "wire"), ("wire", "schemas"), ("cli", "live")} <= arrows()


@pytest.mark.parametrize(
    "source",
    [
        "import routes.auth",
        "from routes import auth",
        "def late():\n    from routes.auth import reading",
        "if TYPE_CHECKING:\n    from routes.auth import reading",
        "importlib.import_module('routes.auth')",
    ],
)
def test_an_import_is_found_wherever_it_stands(source: str) -> None:
    assert "routes" in set(imported(ast.parse(source)))
