"""Node's tools, which check all JavaScript, as clients/js/package-lock.json has them."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from dev_programs import found, installing

ROOT = Path(__file__).resolve().parent
NODE = ROOT / "clients/js"
# The folders with a tsconfig.json; tests have their own, for Node is theirs alone.
TYPED = ["clients/js", "clients/js/test", ".", "extension/test"]


def checks() -> list[list[str]]:
    """None without npm, which a bare machine may lack, but CI may not."""
    if not found("npm"):
        missing = (
            "dev.py: JavaScript was not checked: there is no npm. "
            f"On Debian or Ubuntu: {installing(['npm'])}"
        )
        if os.environ.get("CI") == "true":
            raise SystemExit(missing)
        print(missing, file=sys.stderr)
        return []
    prepare()
    tools = NODE / "node_modules/.bin"
    types = [[str(tools / "tsc"), "--project", folder] for folder in TYPED]
    return [[str(tools / "biome"), "ci", "--error-on-warnings"], *types]


def prepare() -> None:
    """Install what is locked, unless it is already there."""
    lock, installed = NODE / "package-lock.json", NODE / "node_modules/.package-lock.json"
    with lock.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
            return
        print(f"Installing {lock.relative_to(ROOT)} ...", flush=True)
        npm = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(npm, cwd=NODE, check=True)
