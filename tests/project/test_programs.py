"""A machine may lack programs that tests need: those tests are skipped, and the end says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dev_programs
from tests.support import ROOT
from tests.support.programs import summary
from tests.support.server import environment

NEED_PROGRAMS = [
    "tests/scripts/test_scripts.py::test_shellcheck_finds_nothing",
    "tests/scripts/test_scripts.py::test_a_service_that_is_away_is_unreachable",
    "tests/scripts/test_scripts_admin.py::test_watch_prints_only_changes[sqlite]",
    "tests/clients/test_js_client.py::test_its_types_are_strictly_right[.]",
]


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A PATH with all that this machine has but what tests need."""
    folder = tmp_path / "bin"
    folder.mkdir()
    optional = dev_programs.PACKAGES.keys() | {"google-chrome"}
    for directory in os.environ["PATH"].split(os.pathsep):
        for program in Path(directory).glob("*"):
            link = folder / program.name
            if program.name not in optional and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


def run(path: str, **variables: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in environment().items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", *NEED_PROGRAMS],
        cwd=ROOT,
        env=plain | {"PATH": path} | variables,
        capture_output=True,
        text=True,
    )


def test_what_was_skipped_is_said_with_the_line_that_installs_it(bare: str) -> None:
    done = run(bare)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-2:] == [
        "4 tests were skipped, because programs are missing: curl (2), npm (1), shellcheck (1).",
        "To run them, on Debian or Ubuntu: "
        "apt-get install --no-install-recommends curl nodejs npm shellcheck",
    ]


def test_under_ci_a_missing_program_is_a_failure(bare: str) -> None:
    done = run(bare, CI="true")
    assert done.returncode == 1
    assert "there is no shellcheck" in done.stdout
    assert "were skipped, because" not in done.stdout


def test_the_packages_that_a_bare_machine_lacks_are_printed(bare: str) -> None:
    command = [sys.executable, "dev_programs.py"]
    env = environment() | {"PATH": bare}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout.split() == dev_programs.packages(dev_programs.PACKAGES)


def test_nothing_is_said_where_nothing_is_missing() -> None:
    assert summary(["Skipped: SQLite locks no rows"]) == []
