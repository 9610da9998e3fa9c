"""flask doctor says what is wrong, and what to do about it."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.serving import make_server

from dev_postgres import free_port
from models.clock_state import CLOCK_STATE
from models.reach import EVERY_ORG
from tests.support.app_client import AppClient
from tests.support.commands import as_json, invoke, misuse, words
from tests.support.problems import assert_problem
from tests.support.world import World

WELL_LINE = re.compile(": (ok|listen|poll)$")
WELL = {"state": "ok", "remedy": None}


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def trouble(app: Flask, *arguments: str) -> list[str]:
    """The lines about what is wrong."""
    done = invoke(app, "doctor", *arguments)
    assert (done.exit_code, done.stderr) == (1, "")
    assert isinstance(done.exception, SystemExit)
    return [line for line in done.stdout.splitlines() if not WELL_LINE.search(line)]


def test_all_is_well(app: Flask, world: World) -> None:
    feed = "poll" if world.database.is_sqlite else "listen"
    parts = ["database", "migrations", "privileges"]
    if not world.database.is_sqlite:
        parts.append("role")
    said = as_json(app, "doctor")
    assert said == {
        "status": "ok",
        "checks": {
            **dict.fromkeys(parts, WELL),
            "change_feed": {"state": feed, "remedy": None},
        },
    }
    lines = words(app, "doctor").splitlines()
    assert lines[0] == "database: ok"
    assert lines[-1] == f"change feed: {feed}"


def test_a_role_that_lacks_a_right_wants_it(app: Flask, world: World) -> None:
    role = world.settings.db_role
    if role is None:
        pytest.skip("SQLite has no roles")
    with world.database.write(EVERY_ORG) as session:
        session.execute(text(f"REVOKE INSERT ON accounts FROM {role}"))
    try:
        (line,) = trouble(app)
        assert line == f"role: {role} lacks rights. Run: flask setup --role {role}"
    finally:
        words(app, "setup", "--role", role)
    words(app, "doctor")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_without_this_releases_functions_wants_setup(app: Flask, world: World) -> None:
    with world.database.write(EVERY_ORG) as session:
        session.execute(text(f"DROP FUNCTION {CLOCK_STATE.signature}"))
    line = "migrations: without functions of this release. Run: flask setup"
    assert trouble(app) == [line]
    answer = AppClient(app).get("/readyz")
    checks = assert_problem(answer, 503, "database_unavailable")["checks"]
    assert f"migrations: {checks['migrations']}. Run: flask setup" == line
    words(app, "setup")
    words(app, "doctor")
    assert AppClient(app).get("/readyz").status_code == 200


def test_a_database_without_tables_wants_setup(
    empty_url: str, app_on: Callable[..., Flask]
) -> None:
    app = app_on(empty_url)
    (line, *_) = trouble(app)
    assert line.startswith("migrations: at None, not ")
    assert line.endswith(". Run: flask setup")
    done = invoke(app, "doctor", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["status"] == "trouble"
    words(app, "setup")
    words(app, "doctor")


def test_a_database_that_is_away_is_the_only_line(app_on: Callable[..., Flask]) -> None:
    app = app_on(f"postgresql://u:hush@127.0.0.1:{free_port()}/x")
    (line,) = trouble(app)
    assert line.startswith("database: ")
    assert "Connection refused" in line
    assert "hush" not in line


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_is_open_to_others_is_named(app: Flask, world: World) -> None:
    with world.database.write(EVERY_ORG) as session:
        session.execute(text("GRANT SELECT ON orgs TO PUBLIC"))
    assert trouble(app)[0] == "privileges: open to others: orgs. Run: flask setup"
    words(app, "setup")
    words(app, "doctor")


def test_a_server_is_asked_too(app: Flask) -> None:
    with served(app) as url:
        said = as_json(app, "doctor", "--url", f"{url}/")
        assert said["checks"]["server migrations"] == WELL
        (line, *_) = trouble(app, "--url", f"{url}/docs")
        assert line.startswith("server: ")
    (line, *_) = trouble(app, "--url", url)
    assert "Connection refused" in line
    assert line.endswith(f"Does Presence answer at {url}?")
    assert "--url" in misuse(app, "doctor", "--url", "ftp://127.0.0.1")
