"""Node, and the package in clients/js with what its tests need."""

from pathlib import Path

from dev_node import NODE, prepare
from tests.support.programs import program

LOCK = NODE / "package-lock.json"


def package() -> Path:
    """The folder of presence-client, with what is locked for it installed."""
    program("npm")
    prepare()
    return NODE
