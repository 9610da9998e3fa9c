"""The scripts as an admin runs them, against the real server."""

import csv
import io
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT
from tests.support.programs import program
from tests.support.server import environment

SCRIPTS = ROOT / "scripts"
NAMES = sorted(path.name for path in SCRIPTS.iterdir() if path.suffix != ".sh")


@dataclass
class Done:
    """How a script ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def fields(self) -> dict[str, str]:
        return fields(self.out)

    @property
    def rows(self) -> list[dict[str, str]]:
        return table(self.out)


@dataclass
class Admin:
    """Somebody with the scripts, the service's address and a token."""

    url: str
    token: str
    folder: Path = SCRIPTS

    @property
    def environment(self) -> dict[str, str]:
        return environment(PRESENCE_URL=self.url, PRESENCE_TOKEN=self.token)

    def try_(self, name: str, *arguments: str, **variables: str) -> Done:
        """Run a script, however it ends."""
        program("curl")
        done = subprocess.run(
            [self.folder / name, *arguments],
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def run(self, name: str, *arguments: str) -> Done:
        """Run a script that shall do its work, and say nothing else."""
        done = self.try_(name, *arguments)
        assert (done.status, done.err) == (0, ""), done
        return done


def fields(lines: str) -> dict[str, str]:
    """Of lines of ``name: value``."""
    return dict(line.partition(": ")[::2] for line in lines.splitlines())


def table(text: str) -> list[dict[str, str]]:
    """The rows of CSV."""
    return list(csv.DictReader(io.StringIO(text)))
