"""Node, and the package in clients/js with what its tests need."""

import os
import shutil
from pathlib import Path

import pytest

from dev import NODE, prepare_node

LOCK = NODE / "package-lock.json"


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
    program("npm")
    prepare_node()
    return NODE
