"""Signing in at the board: where the session is kept, and how the code may come."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browser import Viewer, context_of
from tests.support.stage import Stage
from tests.support.world import World

KEPT = "area => JSON.parse(window[area].getItem('presence.session') ?? 'null')"


@pytest.fixture
def world(stage: Stage) -> World:
    return World(stage.world.database, stage.world.settings)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with context_of(chromium) as context:
        yield context


def opened(context: BrowserContext, url: str) -> Viewer:
    viewer = Viewer(context.new_page())
    viewer.page.goto(url)
    return viewer


def sign_in_to_stay(viewer: Viewer, code: str) -> None:
    viewer.page.get_by_label("Access code").fill(code)
    viewer.page.get_by_label("Keep me signed in on this computer").check()
    viewer.page.get_by_role("button", name="Sign in").click()
    viewer.wait_until_live()


def is_kept(page: Page, area: str) -> bool:
    return page.evaluate(KEPT, area) is not None


def test_who_is_to_stay_signed_in_is_so_in_every_tab_and_after_the_last_is_closed(
    stage: Stage, world: World, context: BrowserContext
) -> None:
    url = stage.server.url
    first = opened(context, url)
    expect(first.page.get_by_label("Keep me signed in on this computer")).not_to_be_checked()
    sign_in_to_stay(first, world.code(world.va()))
    assert not is_kept(first.page, "sessionStorage")
    first.page.close()
    tabs = [opened(context, url) for _ in range(2)]
    for tab in tabs:
        tab.wait_until_live()
    tabs[0].page.get_by_role("button", name="Sign out").click()
    for tab in tabs:
        tab.wait_for("#farewell", "You are signed out.")
        assert not is_kept(tab.page, "localStorage")
        tab.page.reload()
        expect(tab.page.get_by_label("Access code")).to_be_visible()


def test_a_renewed_token_stays_where_the_old_one_was(
    stage: Stage, world: World, context: BrowserContext
) -> None:
    viewer = opened(context, stage.server.url)
    sign_in_to_stay(viewer, world.code(world.va()))
    before = viewer.page.evaluate(KEPT, "localStorage")
    keep = "session => import('/board/session.js').then(({renew}) => renew(session))"
    viewer.page.evaluate(keep, before | {"token": "a.renewed.token"})
    assert viewer.page.evaluate(KEPT, "localStorage")["token"] == "a.renewed.token"
    assert not is_kept(viewer.page, "sessionStorage")
    viewer.page.evaluate("localStorage.removeItem('presence.session')")
    viewer.page.evaluate(keep, before)  # which comes after the sign-out
    assert not is_kept(viewer.page, "localStorage")


def test_a_tab_shows_no_member_the_board_of_another(
    stage: Stage, world: World, context: BrowserContext
) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    tabs = [opened(context, stage.server.url) for _ in range(2)]
    sign_in_to_stay(tabs[0], world.code(ana))
    expect(tabs[0].page.locator("#viewer")).to_have_text("Ana Reyes")
    sign_in_to_stay(tabs[1], world.code(ben))
    for tab in tabs:
        expect(tab.page.locator("#viewer")).to_have_text("Ben Cruz")
    assert tabs[0].page.evaluate(KEPT, "localStorage")["member"]["display_name"] == "Ben Cruz"


@pytest.mark.parametrize("kept", ["", "{", "7", '{"token": "x"}', '{"token": 1, "member": {}}'])
def test_what_is_kept_and_is_no_session_is_none(
    stage: Stage, context: BrowserContext, kept: str
) -> None:
    viewer = opened(context, stage.server.url)
    viewer.page.evaluate("kept => localStorage.setItem('presence.session', kept)", kept)
    viewer.page.reload()
    expect(viewer.page.get_by_label("Access code")).to_be_visible()
    assert viewer.complaints == []


def test_a_code_in_the_fragment_fills_the_field_and_leaves_the_address_bar(
    stage: Stage, world: World, context: BrowserContext
) -> None:
    code, ana = world.code(world.va()), world.va("Carla Santos")
    asked: list[str] = []
    viewer = Viewer(context.new_page())
    viewer.page.on("request", lambda request: asked.append(f"{request.url} {request.headers}"))
    viewer.page.goto(f"{stage.server.url}/?from=mail#code={code}")
    field = viewer.page.get_by_label("Access code")
    expect(field).to_have_value(code)
    assert viewer.page.url == f"{stage.server.url}/?from=mail"
    assert viewer.page.evaluate("history.length") <= 2
    assert not [one for one in asked if code in one]
    assert not [answer for answer in viewer.answers if "/v1/" in answer.url]  # it is only filled in
    other = world.code(ana)
    viewer.page.evaluate("code => { location.hash = `code=${code}` }", other)
    expect(field).to_have_value(other)
    assert other not in viewer.page.url
    viewer.page.get_by_role("button", name="Sign in").click()
    viewer.wait_until_live()
    viewer.page.evaluate("code => { location.hash = `code=${code}` }", code)
    expect(viewer.page).to_have_url(re.compile(r"/\?from=mail$"))
    expect(viewer.page.locator("#viewer")).to_have_text("Carla Santos")
    assert field.input_value() == ""


def test_password_managers_recognise_the_form(stage: Stage, context: BrowserContext) -> None:
    page = opened(context, stage.server.url).page
    field = page.get_by_label("Access code")
    for name, value in {"type": "password", "autocomplete": "current-password"}.items():
        expect(field).to_have_attribute(name, value)
    assert page.evaluate(
        """() => {
          const {form} = document.getElementById('code');
          const fields = [...form.elements].filter(({type}) => ['text', 'password'].includes(type));
          return [form.method, ...fields.map(({autocomplete}) => autocomplete)];
        }"""
    ) == ["post", "username", "current-password"]
    page.get_by_role("button", name="Show").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide").click()
    expect(field).to_have_attribute("type", "password")
