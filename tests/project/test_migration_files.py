"""Migrations are named as Alembic's template names them."""

import ast
import re
import subprocess
import sysconfig
from pathlib import Path

from models import migrations
from tests.support import ROOT
from tests.support.databases import migrate
from tests.support.server import copy_project, environment
from tests.support.settings import SECRET_KEY

VERSIONS = "alembic/versions"
DOCSTRING = re.compile(
    r"(?P<title>[^\n]+)\n\nRevision: (?P<revision>\d{4}), after (?P<former>\w+)\n"
)


def assert_named(file: Path) -> None:
    """Its name, its docstring and its revision agree."""
    tree = ast.parse(file.read_text())
    described = DOCSTRING.match(ast.get_docstring(tree, clean=False) or "")
    assert described is not None, file
    assert file.name == f"{described['revision']}_{described['title'].replace(' ', '_')}.py"
    assert value_of(tree, "revision") == described["revision"]
    assert str(value_of(tree, "down_revision")) == described["former"]


def value_of(tree: ast.Module, name: str) -> object:
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    return ast.literal_eval(value)


def test_migrations_are_named_and_numbered_alike() -> None:
    files = sorted((ROOT / VERSIONS).glob("*.py"))
    for file in files:
        assert_named(file)
    numbers = [int(file.name[:4]) for file in files]
    assert numbers == list(range(1, len(files) + 1))


def test_alembic_makes_such_a_migration(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "presence")
    url = f"sqlite:///{tmp_path / 'presence.db'}"
    migrate(url)
    made = subprocess.run(
        [Path(sysconfig.get_path("scripts")) / "alembic", "revision", "-m", "add a note"],
        cwd=project,
        env=environment(DATABASE_URL=url, PRESENCE_SECRET_KEY=SECRET_KEY),
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    number = int(migrations.head_revision() or 0) + 1
    file = project / VERSIONS / f"{number:04}_add_a_note.py"
    assert file.exists(), made.stdout
    assert_named(file)
