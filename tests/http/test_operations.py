"""Operations: is it up, is it ready, what does it offer; and errors of every path."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from flask import Flask
from sqlalchemy import column, table, update
from sqlalchemy.engine import make_url

from app import create_app
from models import database as database_module
from models.migrations import head_revision
from models.reach import EVERY_ORG
from routes import docs
from services import clocking, idempotency
from tests.support.app_client import AppClient
from tests.support.databases import version_table
from tests.support.problems import assert_problem
from tests.support.settings import settings_for
from tests.support.world import World, ago

METHODS = {"get", "post", "put", "patch", "delete"}


def test_healthz_says_that_the_process_is_up(client: AppClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_readyz_says_that_each_part_is_well(client: AppClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    checks = answer.json["checks"]
    assert {"database", "migrations"} <= set(checks)
    assert set(checks.values()) == {"ok"}


@contextmanager
def serving(url: str, **environment: str) -> Iterator[AppClient]:
    app = create_app(settings_for(url, **environment))
    try:
        yield AppClient(app)
    finally:
        app.extensions["presence"].database.close()


def test_an_unmigrated_database_is_not_ready(database_url: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    if database_url.startswith("postgres"):
        url = database_url
    with serving(url, PRESENCE_DB_SCHEMA="empty") as client:
        answer = client.get("/readyz")
        problem = assert_problem(answer, 503, "database_unavailable")
        assert problem["checks"]["database"] == "ok"
        assert problem["checks"]["migrations"] != "ok"
        assert client.get("/healthz").status_code == 200


def test_a_database_that_the_next_release_migrated_is_ready(
    world: World, client: AppClient
) -> None:
    at = update(table(version_table(world.database), column("version_num")))
    with world.database.write(EVERY_ORG) as session:
        session.execute(at.values(version_num="9999"))
    try:
        answer = client.get("/readyz")
    finally:
        with world.database.write(EVERY_ORG) as session:
            session.execute(at.values(version_num=head_revision()))
    assert (answer.status_code, answer.json["checks"]["migrations"]) == (200, "ok")


def test_a_database_that_is_away_is_not_ready(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/no/such/folder.db", "postgresql://u:hunter2@127.0.0.1:1/x"):
        with serving(url) as client:
            answer = client.get("/readyz")
            problem = assert_problem(answer, 503, "database_unavailable")
            assert problem["checks"]["database"] == "unreachable"
            sign_in = client.post("/v1/sessions", json={"access_code": "0000-0000-0000"})
            assert_problem(sign_in, 503, "database_unavailable")
            for each in (answer, sign_in):
                assert "hunter2" not in each.text
                assert str(tmp_path) not in each.text
            assert client.get("/healthz").status_code == 200


@contextmanager
def locked_elsewhere(url: str) -> Iterator[None]:
    """Another process holds the lock that every write needs."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(parsed.database), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
    else:
        with closing(psycopg2.connect(url)) as holder, holder.cursor() as cursor:
            cursor.execute("SET presence.org_id = '*'; SELECT 1 FROM presence.orgs FOR UPDATE")
            yield


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real timeouts are seconds; they are read where an engine is made, so ask for this first."""
    monkeypatch.setattr(database_module, "LOCK_TIMEOUT_SECONDS", 0.2)


@pytest.mark.usefixtures("short_timeouts")
def test_a_lock_that_is_held_too_long_is_a_503(database_url: str) -> None:
    settings = settings_for(database_url)
    app = create_app(settings)
    context = app.extensions["presence"]
    try:
        world, client = World(context.database, settings), AppClient(app)
        ana, acme = world.va(), world.account()
        held = world.clock_in(ana, acme, ago(600))
        world.sweep()
        requests: tuple[tuple[str, dict[str, Any]], ...] = (
            ("clock-in", {"account_id": acme.id}),
            ("clock-out", {}),
            ("heartbeat", {"presence_id": held.presence_id}),
        )
        with locked_elsewhere(database_url):
            for path, body in requests:
                answer = world.post(client, ana, path, **body)
                assert_problem(answer, 503, "database_unavailable")
                assert "lock" not in answer.text.lower()
            assert world.get(client, ana).status_code == 200
        for path, body in requests[::2]:
            assert world.post(client, ana, path, **body).status_code in (200, 204)
    finally:
        context.database.close()


def test_a_fault_is_an_internal_error_that_tells_nothing(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr(clocking, "clock_out", broken)
    ana, before = world.va(), world.versions()
    answer = world.post(client, ana, "clock-out")
    assert_problem(answer, 500, "internal_error")
    for leak in ("SELECT", "secret", "Traceback", "RuntimeError", ".py"):
        assert leak not in answer.text
    assert world.versions() == before


def test_a_fault_in_a_transaction_rolls_it_back(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, acme = world.va(), world.account()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "remember", broken)
        answer = world.post(client, ana, "clock-in", account_id=acme.id)
        assert_problem(answer, 500, "internal_error")
    assert (world.held(), world.events()) == ([], [])
    assert world.post(client, ana, "clock-in", account_id=acme.id).status_code == 201


def routes(app: Flask) -> set[tuple[str, str]]:
    """Every method and path under /v1, the path as OpenAPI writes it."""
    return {
        (method.lower(), re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolved(document: Any, reference: str) -> Any:
    assert reference.startswith("#/")
    for part in reference[2:].split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def test_openapi_describes_every_route(app: Flask, client: AppClient) -> None:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    document = json.loads(answer.data)
    assert document["openapi"].startswith("3.")
    assert {"title", "version"} <= set(document["info"])
    described = {
        (method, path)
        for path, operations in document["paths"].items()
        for method in METHODS & set(operations)
    }
    assert described == routes(app)
    assert ("post", "/v1/clock-in") in described
    found = list(references(document))
    assert found
    for reference in found:
        assert resolved(document, reference)
    for path, operations in document["paths"].items():
        for method in METHODS & set(operations):
            operation = operations[method]
            responses = operation["responses"]
            assert any(status.startswith("2") for status in responses), (method, path)
            errors = [status for status in responses if status.startswith("4")]
            assert errors, (method, path)
            for status in errors:
                assert list(responses[status]["content"]) == ["application/problem+json"]
            parameters = [*operations.get("parameters", []), *operation.get("parameters", [])]
            in_path = {each["name"] for each in parameters if each.get("in") == "path"}
            assert in_path == set(re.findall(r"{(.+?)}", path))
            assert all(each["required"] for each in parameters if each.get("in") == "path")


class Links(HTMLParser):
    """The addresses that a page loads or leads to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href") and value]


def test_docs_work_offline(client: AppClient) -> None:
    answer = client.get("/docs")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", answer.text)
    links = Links(answer.text).found
    assert [link for link in links if link.endswith(".js")]
    assert [link for link in links if link.endswith(".css")]
    assert all(link.startswith("/") for link in links)
    for link in links:
        with client.get(link) as asset:
            assert asset.status_code == 200
    assert "/openapi.json" in answer.text
    for outside in ("nothing.js", "../__init__.py", "..%2f__init__.py", "%2fetc%2fpasswd"):
        assert_problem(client.get(f"{docs.PATH}{outside}"), 404, "not_found")


@pytest.mark.parametrize("name", docs.FILES)
def test_browsers_keep_the_files_of_the_docs(client: AppClient, name: str) -> None:
    path = f"{docs.PATH}{name}"
    answer = client.get(path)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Length"] == str(len(answer.data))
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_answers_under_v1_are_not_stored_other_than_what_is_polled(
    world: World, client: AppClient
) -> None:
    ana, acme = world.va(), world.account()
    answers = [
        world.get(client, ana, "me"),
        world.post(client, ana, "sessions/renew"),
        client.post("/v1/sessions", json={"access_code": world.code(ana)}),
        world.post(client, ana, "clock-in", account_id=acme.id),
        world.post(client, ana, "clock-out"),
        client.get("/v1/presence"),
        client.get("/v1/accounts"),
        client.get("/v1/nothing"),
        client.put("/v1/presence"),
    ]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    for path in ("presence", "accounts"):
        assert world.get(client, ana, path).headers["Cache-Control"] == "private, no-cache"
