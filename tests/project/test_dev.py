import ast
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import dev
import dev_node
from tests.support.server import environment

PROJECT = tomllib.loads((dev.ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKED = {
    "run": PROJECT["dependencies"],
    "test": PROJECT["dependencies"] + EXTRAS["test"],
    "lint": PROJECT["dependencies"] + EXTRAS["test"] + EXTRAS["lint"],
    "lock": EXTRAS["lock"],
}

Done = subprocess.CompletedProcess[str]


def run_dev(*arguments: str) -> Done:
    command = [sys.executable, str(dev.ROOT / "dev.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def assert_one_line(result: Done, status: int, *words: str) -> None:
    assert result.returncode == status
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("dev.py: ")
    for word in words:
        assert word in line


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    """The locked versions by name; a requirement without a hash fails."""
    requirement = r"([\w.-]+==[^\s;]+)( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    text = dev.lock_file(lock).read_text()
    assert re.sub(requirement, "", text) == ""
    found = [match[1].partition("==") for match in re.finditer(requirement, text)]
    return {name: version for name, _, version in found}


class Setup:
    """The steps that dev.prepare takes, noted instead of done."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.venv = folder / ".venv"
        self.steps: list[str] = []
        self.starts = True
        self.fails = False
        monkeypatch.setattr(dev, "make_venv", self._make)
        monkeypatch.setattr(dev, "install", self._install)
        monkeypatch.setattr(dev, "starts", lambda python: self.starts)

    def _make(self, venv: Path) -> None:
        venv.mkdir(exist_ok=True)
        self.steps.append("make")

    def _install(self, venv: Path, lock: Path) -> None:
        if self.fails:
            raise KeyboardInterrupt
        self.steps.append(lock.stem)

    def __call__(self, name: str) -> list[str]:
        """What preparing for a command had to do."""
        self.steps.clear()
        dev.prepare(self.venv, dev.LOCKS[dev.LOCKS.index(name) :])
        return list(self.steps)


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    return Setup(tmp_path, monkeypatch)


def test_old_python_can_read_the_file() -> None:
    ast.parse(Path(dev.__file__).read_text(), feature_version=(3, 6))


def test_old_python_is_told_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["dev.py", "run", "--demo"])
    with pytest.raises(SystemExit) as stop:
        dev.require_python((3, 9, 2))
    assert stop.value.code == 1
    assert capsys.readouterr().err == (
        "dev.py: Presence needs Python 3.11 or newer; this is 3.9. "
        "Install it and run: python3.11 dev.py run --demo\n"
    )


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_it_explains_itself(arguments: list[str]) -> None:
    result = run_dev(*arguments)
    assert result.returncode == 0
    for command in dev.COMMANDS:
        assert f"python3 dev.py {command}" in result.stdout


def test_unknown_command() -> None:
    assert_one_line(run_dev("serve"), 2, "'serve'", "run, test, lint, lock")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--workers", "0"], "--workers must be 1 or more, not 0"),
        (["--workers", "two"], "'two'"),
        (["--port", "65536"], "--port must be from 1 to 65535, not 65536"),
        (["--prot", "80"], "--prot"),
    ],
)
def test_bad_options_of_run(arguments: list[str], word: str) -> None:
    assert_one_line(run_dev("run", *arguments), 2, word)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_taken_port(host: str) -> None:
    with socket.create_server((host, 0)) as listener:
        port = str(listener.getsockname()[1])
        assert_one_line(run_dev("run", "--port", port), 1, port, "in use", "--port")


def test_unknown_host() -> None:
    assert_one_line(run_dev("run", "--host", ".."), 1, "cannot listen on ..")


def test_pytest_gets_its_arguments_as_they_are_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dev, "prepare", lambda venv, locks: started.append(locks[0]))
    monkeypatch.setattr("os.execv", lambda path, line: started.extend([path, line, Path.cwd()]))
    dev.main("test", "--help", "-k", "a or b", "--", "x")
    line = [str(dev.VENV / "bin" / "pytest"), "--help", "-k", "a or b", "--", "x"]
    assert started == ["test", str(dev.VENV / "bin" / "pytest"), line, dev.ROOT]


def test_fresh_checkout_gets_a_venv_once(prepare: Setup) -> None:
    assert prepare("run") == ["make", "run"]
    assert prepare("run") == []


def test_larger_lock_serves_the_smaller_commands(prepare: Setup) -> None:
    prepare("run")
    assert prepare("lint") == ["lint"]
    assert prepare("test") == prepare("run") == []


def test_changed_lock_is_installed(
    prepare: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare("run")
    for name in dev.LOCKS:
        (tmp_path / name).write_text(f"{name} changed")
    monkeypatch.setattr(dev, "lock_file", lambda name: tmp_path / name)
    assert prepare("run") == ["run"]


def test_interrupted_installation_starts_anew(prepare: Setup) -> None:
    prepare("run")
    prepare.fails = True
    with pytest.raises(KeyboardInterrupt):
        prepare("test")
    prepare.fails = False
    assert prepare("run") == ["make", "run"]


def test_venv_whose_python_does_not_start_is_made_anew(prepare: Setup) -> None:
    prepare("run")
    prepare.starts = False
    assert prepare("run") == ["make", "run"]


def test_moved_venv_is_made_anew(prepare: Setup, tmp_path: Path) -> None:
    prepare("run")
    prepare.venv = prepare.venv.rename(tmp_path / "moved")
    assert prepare("run") == ["make", "run"]


def test_a_venv_that_is_a_link_does_not_empty_what_it_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "venv"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    link.symlink_to(elsewhere)
    monkeypatch.setattr("venv.create", lambda path, **_options: path.mkdir())
    dev.make_venv(link)
    assert (elsewhere / "kept").exists()


def test_python_that_is_missing_does_not_start(tmp_path: Path) -> None:
    assert dev.starts(sys.executable)
    assert not dev.starts(str(tmp_path / "python"))


def test_failed_installation_says_what_was_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    pip = folder / "python"
    pip.write_text("#!/bin/sh\necho 'ERROR: No matching distribution found for x==1' >&2\nexit 1\n")
    pip.chmod(0o755)
    with pytest.raises(SystemExit):
        dev.install(tmp_path, dev.lock_file("run"))
    assert capsys.readouterr().err == (
        "dev.py: requirements/run.txt was not installed: No matching distribution found for x==1. "
        "Check the network, then run the command again\n"
    )


def test_without_npm_lint_says_what_installs_it_and_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    assert dev_node.checks() == []
    said = capsys.readouterr().err
    assert said.startswith("dev.py: JavaScript was not checked")
    assert "apt-get install --no-install-recommends nodejs npm" in said


def test_without_npm_lint_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit):
        dev_node.checks()


def test_a_benchmark_finds_its_libraries_whatever_python_is_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(Path(sys.executable).resolve())
    bench = (
        "import sysconfig, dev\n"
        "dev.prepare = lambda venv, locks: None\n"
        "dev.program = lambda name: sysconfig.get_path('scripts') + '/' + name\n"
        "dev.main('bench', 'history', '--help')"
    )
    done = subprocess.run(
        [sys.executable, "-c", bench],
        cwd=dev.ROOT,
        env=environment() | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--rows" in done.stdout


@pytest.mark.parametrize("lock", LOCKED)
def test_lock_holds_every_dependency_and_nothing_of_where_it_was_made(lock: str) -> None:
    names = {normal(re.split(r"[^\w.-]", dependency)[0]) for dependency in LOCKED[lock]}
    assert names <= pins(lock).keys()
    assert "/" not in dev.lock_file(lock).read_text()


def test_larger_locks_pin_the_same_versions() -> None:
    assert pins("run").items() < pins("test").items() < pins("lint").items()
