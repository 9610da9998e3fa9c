"""schemathesis: whatever /openapi.json allows or forbids, the answer is one that it documents.

``PRESENCE_EXAMPLES`` says how many requests there are for each endpoint.
"""

import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.databases import database_of, migrate
from tests.support.server import copy_project, environment, running_server
from tests.support.settings import SECRET_KEY

EXAMPLES = os.environ.get("PRESENCE_EXAMPLES")
PAIRS = (
    list(product(["sqlite", "postgresql"], ["admin", "va"]))
    if EXAMPLES
    else [("sqlite", "va"), ("postgresql", "admin")]
)


@pytest.fixture
def served_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Those of a server with an empty database."""
    with database_of(request, tmp_path) as url:
        migrate(url)
        yield {"DATABASE_URL": url, "PRESENCE_SECRET_KEY": SECRET_KEY}


@pytest.mark.timeout(0 if EXAMPLES else 300)
@pytest.mark.parametrize(("served_settings", "role"), PAIRS, indirect=["served_settings"])
def test_every_answer_is_documented(
    served_settings: dict[str, str], role: str, tmp_path: Path
) -> None:
    hooks = {
        "SCHEMATHESIS_HOOKS": "tests.support.fuzz_hooks",
        "PYTHONPATH": str(ROOT),
        "FUZZ_ROLE": role,
    }
    program = f"{sysconfig.get_path('scripts')}/schemathesis"
    command = [program, "--config-file", str(Path(__file__).with_name("schemathesis.toml"))]
    command += ["run", "--continue-on-failure", "--no-color"]
    # All checks; the same requests each time, unless one goes looking for new ones.
    options = ["--max-examples", EXAMPLES] if EXAMPLES else ["--max-examples", "5", "--seed", "1"]
    with running_server(copy_project(tmp_path / "presence"), **served_settings) as server:
        done = subprocess.run(
            [*command, *options, f"{server.url}/openapi.json"],
            cwd=tmp_path,
            env=environment(**served_settings, **hooks),
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout[done.stdout.rindex("SUMMARY") :])
    assert re.search(r"Tested: \d\d", done.stdout), done.stdout
    assert "Traceback" not in server.output, server.output
