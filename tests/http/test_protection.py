"""What browsers may do with our answers: one policy, on every path, whatever the answer."""

import asyncio
import re
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from routes import docs
from tests.support.app_client import AppClient
from tests.support.asgi_client import ask, started
from tests.support.browser import Viewer, context_of
from tests.support.stage import Stage
from tests.support.world import World

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
EXPECTED = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
IN_LINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)


def paths_of(app: Flask) -> list[str]:
    """Every path of the app, its parameters filled in."""
    filled = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<uuid:\w+>", str(uuid4()), rule.rule)
        filled.append(re.sub(r"<(?:\w+:)?\w+>", "main.js", path))
    return filled


def test_every_answer_of_every_path_has_the_policy(
    app: Flask, world: World, client: AppClient
) -> None:
    ana, maya = world.va(), world.admin()
    paths = [*paths_of(app), "/nothing", "/v1/nothing", "/favicon.ico"]
    assert len(paths) > 25
    statuses = set()
    for path in paths:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            # New ones each time: some of these paths sign out.
            bearers = world.bearer(ana), world.bearer(maya)
            for headers in ({}, *bearers, {"Authorization": "Bearer nonsense"}):
                answer = client.open(path, method=method, headers=headers)
                statuses.add(answer.status_code)
                found = {name: answer.headers.getlist(name) for name in EXPECTED}
                assert found == {name: [value] for name, value in EXPECTED.items()}, (method, path)
                if answer.mimetype == "text/html":
                    assert not IN_LINE.search(answer.text), path
    assert {200, 401, 403, 404, 405, 422} <= statuses
    assert not [status for status in statuses if status >= 500 or 300 <= status < 400]


def test_a_fault_has_it_too(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routes.operations.readiness", lambda: 1 / 0)
    answer = client.get("/readyz")
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED


def test_polls_have_it_from_gate_and_flask_but_for_a_304(
    app: Flask, world: World, client: AppClient
) -> None:
    bearer = world.bearer(world.va())

    async def tell() -> None:
        async with started(app) as application:
            seen = await ask(application, bearer)
            assert {name: seen.header(name) for name in EXPECTED} == EXPECTED
            refused = await ask(application, {})
            assert {name: refused.header(name) for name in EXPECTED} == EXPECTED
            unchanged = await ask(application, bearer | {"if-none-match": seen.tag})
            assert unchanged.status == 304
            assert [name for name in EXPECTED if unchanged.header(name)] == [
                "X-Content-Type-Options"
            ]

    asyncio.run(tell())
    tag = client.get("/v1/presence", headers=bearer).headers["ETag"]
    unchanged = client.get("/v1/presence", headers=bearer | {"If-None-Match": tag})
    assert unchanged.status_code == 304
    assert [name for name in EXPECTED if name in unchanged.headers] == ["X-Content-Type-Options"]


def test_no_file_of_the_docs_holds_code_or_images_in_line() -> None:
    assert not IN_LINE.search(docs.PAGE)
    assert b"data:" not in docs.FILES["swagger-ui.css"]
    named = set(re.findall(rb"url\(([^)]+)\)", docs.FILES["swagger-ui.css"]))
    assert {name.decode() for name in named} <= docs.FILES.keys()
    assert {Path(name).suffix for name in docs.FILES} <= docs.MEDIA_TYPES.keys()


@pytest.fixture
def world_of(stage: Stage) -> World:
    return World(stage.world.database, stage.world.settings)


def test_the_docs_work_under_the_policy_and_offline(
    stage: Stage, world_of: World, chromium: Browser
) -> None:
    token = world_of.token(world_of.admin())
    with context_of(chromium) as context:
        viewer = Viewer(context.new_page())
        page = viewer.page
        page.goto(f"{stage.server.url}/docs")
        operation = page.locator("#operations-presence-get_v1_presence, .opblock").filter(
            has_text="/v1/presence"
        )
        expect(operation.first).to_be_visible()
        page.get_by_role("button", name="Authorize").first.click()
        page.locator(".auth-container input").fill(token)
        page.locator(".auth-btn-wrapper .authorize").click()
        page.locator(".auth-btn-wrapper .btn-done").click()
        operation.first.locator("button").first.click()
        page.get_by_role("button", name="Try it out").first.click()
        page.get_by_role("button", name="Execute").first.click()
        # Not the table of the statuses that are documented, which is there before the answer.
        status = page.locator(".live-responses-table .response-col_status")
        expect(status.filter(has_text="200")).to_be_visible()
        assert viewer.complaints == []
        assert {answer.url.split("/")[2] for answer in viewer.answers} == {
            stage.server.url.removeprefix("http://")
        }
        assert any(answer.url.endswith("/v1/presence") for answer in viewer.answers)
