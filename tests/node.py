"""Node, and the package in clients/js with what its tests need."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from dev import ROOT
from server import environment

PACKAGE = ROOT / "clients/js"
LOCK = PACKAGE / "package-lock.json"
INSTALLED = PACKAGE / "node_modules/.package-lock.json"
INSTALL_SECONDS = 120


def program(name: str) -> str:
    """Where node or npm is; a test that needs it is skipped where it is not, but not under CI."""
    found = shutil.which(name)
    if found is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing(
            f"there is no {name}; to run this test: "
            "apt-get install --no-install-recommends nodejs npm"
        )
    return found


def package() -> Path:
    """The folder of presence-client, with what is locked for it installed."""
    npm = program("npm")
    # One of the processes that run tests installs; the others wait for it.
    with Path(tempfile.gettempdir(), f"presence-npm-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not INSTALLED.exists() or INSTALLED.stat().st_mtime < LOCK.stat().st_mtime:
            subprocess.run(
                [npm, "ci", "--no-audit", "--no-fund"],
                cwd=PACKAGE,
                env=environment(),
                check=True,
                timeout=INSTALL_SECONDS,
            )
    return PACKAGE
