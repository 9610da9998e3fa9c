#!/usr/bin/env python3
"""Presence's commands for developers. All they need is Python 3.11 or newer.

  python3 dev.py run [--host 127.0.0.1] [--port 8000] [--workers 2] [--demo]
      bring the database up to date and serve it, until Ctrl-C
  python3 dev.py test [pytest arguments]
      run the tests, on SQLite and on a real PostgreSQL
  python3 dev.py lint
      run ruff and mypy, and on JavaScript Biome and TypeScript, where npm is there to install them
  python3 dev.py lock [uv arguments]
      remake requirements/ from the dependencies in pyproject.toml, each lock with its bill
      of materials; with --upgrade to their newest versions
  python3 dev.py audit ADVISORIES
      compare all locks with known advisories: a folder or a zip file of OSV documents
  python3 dev.py bench NAME [options]
      measure: ceiling, morning, pollers, wait, writes and others; see docs/benchmarks.md
  python3 dev.py extension
      pack the browser extension for a store: dist/presence-extension-<version>.zip

What a command needs is first installed into .venv, exactly as locked in requirements/.
"""

# Must parse on Python 3.6: an old Python shall get a sentence, not a syntax error.
import argparse
import fcntl
import hashlib
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


def fail(message: str, status: int = 1) -> NoReturn:
    print(f"dev.py: {message}", file=sys.stderr)
    raise SystemExit(status)


def require_python(version: "tuple[int, ...]") -> None:
    if version < (3, 11):
        this = ".".join(map(str, version[:2]))
        again = " ".join(["python3.11", "dev.py", *sys.argv[1:]])
        fail(f"Presence needs Python 3.11 or newer; this is {this}. Install it and run: {again}")


# Before the functions below: an old Python fails on their annotations.
require_python(sys.version_info[:3])

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK_VENV = ROOT / ".venv-lock"
LOCKS = ["run", "test", "lint"]  # each holds all of the one before
BENCHES = [
    *("ceiling", "directory", "fairness", "first", "history", "killed", "large"),
    *("morning", "policies", "pollers", "wait", "writes"),
]  # of bench/
EXTRAS = {"lint": ["test", "lint"], "test": ["test"], "run": []}


def program(name: str, venv: Path = VENV) -> str:
    return str(venv / "bin" / name)


def lock_file(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def prepare(venv: Path, locks: list[str]) -> None:
    """Install the first of ``locks`` into ``venv``, unless one of them is already there.

    The stamp says for which folder, Python and lock the venv was made, and is there only while
    the venv is whole: one that was moved or whose making was interrupted is made anew.
    """
    stamp = venv / "presence-stamp"
    made_for = "{} {}.{}\n".format(venv, *sys.version_info)
    wanted = [made_for + hashlib.sha256(lock_file(name).read_bytes()).hexdigest() for name in locks]
    # Two commands at once in a fresh checkout would spoil each other's installation.
    with open(__file__) as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        installed = stamp.read_text() if stamp.exists() else ""
        whole = installed.startswith(made_for) and starts(program("python", venv))
        if whole and installed in wanted:
            return
        stamp.unlink(missing_ok=True)
        if not whole:
            make_venv(venv)
        install(venv, lock_file(locks[0]))
        stamp.write_text(wanted[0])


def starts(python: str) -> bool:
    nothing = [python, "-I", "-S", "-c", ""]
    try:
        return subprocess.run(nothing, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def make_venv(venv: Path) -> None:
    print(f"Making {venv.name} ...", flush=True)
    try:
        import ensurepip  # noqa: F401
        from venv import create
    except ImportError:
        name = "python{}.{}-venv".format(*sys.version_info)
        fail(f"this Python has no venv module. On Debian or Ubuntu: apt install {name}")
    if venv.is_symlink():
        venv.unlink()  # or what it points to would be cleared
    create(venv, clear=True, with_pip=True)


def install(venv: Path, lock: Path) -> None:
    name = lock.relative_to(ROOT)
    print(f"Installing {name} into {venv.name} ...", flush=True)
    # -I keeps PYTHONPATH out: pip would count what it finds there as installed.
    pip = [program("python", venv), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    options = ["--quiet", "--require-hashes", "--only-binary=:all:"]
    command = [*pip, "install", *options, "-r", str(lock)]
    result = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        said = result.stderr.strip().splitlines() or ["pip failed"]
        errors = [line for line in said if line.startswith("ERROR: ")] or said
        reason = errors[-1].replace("ERROR: ", "", 1).rstrip(".")
        fail(f"{name} was not installed: {reason}. Check the network, then run the command again")


def become(name: str, *arguments: str) -> NoReturn:
    """Replace this process, so that signals and the exit status are the program's own."""
    os.chdir(ROOT)
    # By its whole path also to itself: by its name alone, Python would look for its library where
    # another Python of that name is.
    os.execv(program(name), [program(name), *arguments])


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(f"{message}. python3 dev.py --help explains it", 2)


def run_options(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("dev.py run", description="Serve Presence.", allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--demo", action="store_true", help="put the demo org into any database")
    options = parser.parse_args(arguments)
    if not 1 <= options.port <= 65535:
        parser.error(f"--port must be from 1 to 65535, not {options.port}")
    if options.workers < 1:
        parser.error(f"--workers must be 1 or more, not {options.workers}")
    return options


def require_free(host: str, port: int) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        fail(f"cannot listen on {host}, port {port}: {reason}. Choose another --port or --host")


def run(arguments: list[str]) -> None:
    options = run_options(arguments)
    require_free(options.host, options.port)
    prepare(VENV, LOCKS)
    # gunicorn.conf.py sets up the database, in the process that then serves.
    os.environ["PRESENCE_SETUP"] = "demo" if options.demo else "default"
    host = f"[{options.host}]" if ":" in options.host else options.host
    bind = ["--bind", f"{host}:{options.port}", "--workers", str(options.workers)]
    become("gunicorn", "--config", "gunicorn.conf.py", *bind, "asgi:application")


def test(arguments: list[str]) -> None:
    prepare(VENV, LOCKS[LOCKS.index("test") :])
    become("pytest", *arguments)


def lint(arguments: list[str]) -> None:
    if arguments:
        fail("lint takes no arguments", 2)
    from dev_node import checks as javascript_checks

    prepare(VENV, LOCKS[LOCKS.index("lint") :])
    python = [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]]
    checks = [[program(name), *rest] for name, *rest in python] + javascript_checks()
    runs = [subprocess.run(check, cwd=ROOT) for check in checks]
    raise SystemExit(any(check.returncode for check in runs))


def lock(arguments: list[str]) -> None:
    import tomllib

    prepare(LOCK_VENV, ["lock"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    write_lock("lock", ["-", *arguments], "\n".join(project["optional-dependencies"]["lock"]))
    for name, extras in EXTRAS.items():
        # The largest comes first and binds the others, so that all agree on every version.
        bound = [] if name == "lint" else ["--constraint", "requirements/lint.txt"]
        chosen = [f"--extra={extra}" for extra in extras]
        write_lock(name, ["pyproject.toml", *chosen, *bound, *arguments])


def write_lock(name: str, arguments: list[str], requirements: str = "") -> None:
    target = str(lock_file(name).relative_to(ROOT))
    print(f"Locking {target} ...", flush=True)
    uv = [program("uv", LOCK_VENV), "pip", "compile", "--quiet", "--no-config"]
    scope = ["--universal", "--python-version=3.11", "--only-binary=:all:", "--generate-hashes"]
    form = ["--no-emit-index-url", "--no-header", "--no-annotate", "--output-file", target]
    # A lock must not depend on the settings of whoever makes it.
    plain = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
    command = [*uv, *scope, *form, *arguments]
    if subprocess.run(command, cwd=ROOT, env=plain, input=requirements, text=True).returncode != 0:
        fail(f"{target} was not remade; uv says why above")
    write_bill(name)


def write_bill(name: str) -> None:
    from dev_sbom import bill

    lock_file(name).with_suffix(".cdx.json").write_text(bill(lock_file(name)))


def audit(arguments: list[str]) -> None:
    if len(arguments) != 1:
        fail("audit needs the path of a folder or a zip file of OSV documents: see SECURITY.md", 2)
    advisories = str(Path(arguments[0]).absolute())
    prepare(VENV, LOCKS)
    become("python", "-m", "dev_audit", advisories)


def bench(arguments: list[str]) -> None:
    name, *options = arguments or [""]
    if name not in BENCHES:
        fail(f"no benchmark {name!r}; there are {', '.join(BENCHES)}", 2)
    prepare(VENV, LOCKS[LOCKS.index("test") :])
    become("python", "-m", f"bench.{name}", *options)


def extension(arguments: list[str]) -> None:
    if arguments:
        fail("extension takes no arguments", 2)
    # Not imported: Chromium loads no folder with Python's __pycache__ in it.
    pack = runpy.run_path(str(ROOT / "extension/pack.py"))["pack"]
    print(pack(ROOT / "extension", ROOT / "dist").relative_to(ROOT))


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "run": run,
    "test": test,
    "lint": lint,
    "lock": lock,
    "audit": audit,
    "bench": bench,
    "extension": extension,
}


def main(command: str = "--help", *arguments: str) -> None:
    if command in ("-h", "--help"):
        print(__doc__)
    elif command not in COMMANDS:
        fail(f"no command {command!r}; there are {', '.join(COMMANDS)}. See dev.py --help", 2)
    else:
        COMMANDS[command](list(arguments))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        fail("stopped", 130)
    except (OSError, subprocess.CalledProcessError) as error:
        fail(f"{error}. Fix that, then run the command again")
