"""The databases that every test runs on, and the small worlds in them."""

import logging
import os
import re
import resource
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import delete, text
from sqlalchemy.engine import make_url

import problem_log
from app import create_app
from context import Context, attach
from dev_postgres import own_postgres, running_postgres
from models import Base, Membership
from models.database import Database
from models.reach import EVERY_ORG
from settings import Settings
from tests.support.app_client import AppClient
from tests.support.databases import database_of, empty_postgresql, migrate, opened
from tests.support.log_lines import Lines
from tests.support.pgbouncer import running_pgbouncer
from tests.support.programs import program, summary
from tests.support.scripts import Admin
from tests.support.server import Server, copy_project, running_server
from tests.support.settings import SECRET_KEY, poolers, settings_for
from tests.support.wire_to_postgresql import Wire, wire_to
from tests.support.world import World

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

    from tests.support.extension import Install
    from tests.support.stage import Stage


ANY_URL = make_url("sqlite:///never-opened.db")

# For few rows ten times quicker than TRUNCATE.
# The time limit of a request is too short for thousands of rows on a busy machine.
EMPTYING = text(
    "SET LOCAL statement_timeout = 0;"
    + ";".join(str(delete(table)) for table in reversed(Base.metadata.sorted_tables))
)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines of a run, below all that pytest says."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        skipped = reporter.stats.get("skipped", [])
        for line in summary(str(report.longrepr) for report in skipped):
            reporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    if os.environ.get("PRESENCE_TEST_POOLER"):
        with own_postgres() as server, running_pgbouncer(server, server_connections=20) as pooler:
            poolers[server.port] = pooler.port
            yield server.url
    else:
        with running_postgres() as url:
            yield url


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """A migrated database of its own on the server."""
    with empty_postgresql(postgresql_server) as url:
        migrate(url)
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "presence.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_url: str) -> Iterator[tuple[Database, Database]]:
    """Kept for all tests: to learn its statements takes a new one longer than most of them."""
    with opened(postgresql_url) as tests, opened(postgresql_url) as apps:
        yield tests, apps


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty, migrated database. Every test that asks for it runs on both."""
    if request.param == "sqlite":
        path = tmp_path / "presence.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    database, _ = request.getfixturevalue("postgresql_databases")
    with database.write(EVERY_ORG) as session:
        session.execute(EMPTYING)
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, without a schema."""
    with database_of(request, tmp_path) as url:
        yield url


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    """Between PostgreSQL and who connects to it there."""
    with wire_to(database_url) as wire:
        yield wire


@pytest.fixture
def environment() -> dict[str, str]:
    """Settings for a test, beyond the database and the key; a test may override this."""
    return {}


@pytest.fixture
def settings(database_url: str, environment: dict[str, str]) -> Settings:
    return settings_for(database_url, **environment)


@pytest.fixture
def databases(
    request: pytest.FixtureRequest, settings: Settings
) -> Iterator[tuple[Database, Database]]:
    """The test's own and the app's, of the same URL."""
    if settings.database_url.get_backend_name() == "sqlite":
        with opened(settings) as tests, opened(settings) as apps:
            yield tests, apps
    else:
        yield request.getfixturevalue("postgresql_databases")


@pytest.fixture
def database(databases: tuple[Database, Database]) -> Database:
    return databases[0]


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    """An org in which nobody is, yet."""
    return World(database, settings)


@pytest.fixture(scope="session")
def apps() -> dict[Settings, Flask]:
    """Those made so far, by their settings: to make one takes longer than most tests."""
    return {}


@pytest.fixture
def app(
    settings: Settings, databases: tuple[Database, Database], apps: dict[Settings, Flask]
) -> Iterator[Flask]:
    like = replace(settings, database_url=ANY_URL)
    if like not in apps:
        apps[like] = create_app(like)
    context = Context(settings, databases[1])
    attach(apps[like], context)
    yield apps[like]
    context.service_uses.close()


@pytest.fixture
def client(app: Flask) -> AppClient:
    return AppClient(app)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Stage]":
    """A real server for the tests of pages, each with an org of its own."""
    from tests.support.stage import staged

    with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """One for a file of tests: while it runs, its thread can't run another event loop."""
    from tests.support.browser import running_browser  # few tests need what this imports

    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def curl_program() -> str:
    """Without it, tests that ask for it are skipped before a server starts."""
    return program("curl")


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, curl_program: str
) -> Iterator[tuple[Server, str]]:
    """The real server for the scripts and curl, and its database's URL; each test has an org."""
    folder = tmp_path_factory.mktemp("scripts")
    with database_of(request, folder) as url:
        migrate(url)
        settings = {"DATABASE_URL": url, "PRESENCE_SECRET_KEY": SECRET_KEY}
        with running_server(copy_project(folder / "presence"), **settings) as server:
            yield server, url


@pytest.fixture
def org(served: tuple[Server, str]) -> Iterator[World]:
    """A new org of the served database."""
    with opened(served[1]) as database:
        yield World(database, settings_for(served[1]))


@pytest.fixture
def maya(org: World) -> Membership:
    return org.admin()


@pytest.fixture
def admin(served: tuple[Server, str], org: World, maya: Membership) -> Admin:
    """Maya, with the scripts."""
    return Admin(served[0].url, org.token(maya))


@pytest.fixture
def endpoints(app: Flask) -> set[tuple[str, str]]:
    """All that the app answers, but for the files of /docs."""
    return {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/docs/")
    }


@pytest.fixture
def many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.fixture(scope="module")
def playwright() -> "Iterator[Playwright]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def install(playwright: "Playwright", tmp_path: Path) -> "Iterator[Install]":
    """Starts browsers with the extension, which may talk to their server only, and not complain."""
    from tests.support.extension import Install

    with Install.into(playwright, tmp_path) as install:
        yield install


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Takes the lines that were written since the last time."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(problem_log, "_budgets", problem_log._Budgets())

    def take() -> list[str]:
        found = [r.getMessage() for r in caplog.records if r.name == "presence.requests"]
        caplog.clear()
        return found

    return take
