"""Programs that the tests start, and the Debian packages that bring them.

``python3 dev_programs.py`` prints the packages of those that are missing.
"""

import os
import shutil
from collections.abc import Iterable

PACKAGES = {
    "caddy": ["caddy"],
    "chromium": ["chromium"],
    "curl": ["curl"],
    "haproxy": ["haproxy"],
    "java": ["default-jdk-headless"],
    "javac": ["default-jdk-headless"],
    "nginx": ["nginx-light"],
    "node": ["nodejs"],
    "npm": ["nodejs", "npm"],
    "openssl": ["openssl"],
    "pgbouncer": ["pgbouncer"],
    "shellcheck": ["shellcheck"],
}
ALSO_CALLED = {"chromium": ["google-chrome"]}


def found(program: str) -> str | None:
    """The path of a program, or nothing where it is missing."""
    bins = os.environ.get("PATH", os.defpath).split(os.pathsep)
    # Debian's servers lie in the sbin beside each bin, which only root's PATH has.
    sbins = [f"{folder[:-3]}sbin" for folder in bins if folder.endswith("/bin")]
    path = os.pathsep.join(bins + sbins)
    for name in (program, *ALSO_CALLED.get(program, [])):
        if where := shutil.which(name, path=path):
            return where
    return None


def packages(programs: Iterable[str]) -> list[str]:
    return sorted({package for program in programs for package in PACKAGES[program]})


def installing(programs: Iterable[str]) -> str:
    """The command that installs them on Debian and Ubuntu."""
    return f"apt-get install --no-install-recommends {' '.join(packages(programs))}"


if __name__ == "__main__":
    for package in packages(program for program in PACKAGES if not found(program)):
        print(package)
