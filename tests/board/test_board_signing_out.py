"""Signing out at the board: asked first, ended at the server, and never held up by the network."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from models import Account, Membership
from tests.support.browser import Viewer, context_of, sign_in
from tests.support.stage import Stage, wait_until
from tests.support.tampering import Proxy, answering, page, tampering
from tests.support.world import World

FAREWELL = "#farewell"


@dataclass
class Desk:
    """Ana, clocked in on Acme Dental, at her board."""

    world: World
    account: Account
    ana: Membership
    viewer: Viewer

    def press(self, name: str) -> None:
        self.viewer.page.get_by_role("button", name=name, exact=True).click()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with context_of(chromium) as context:
        yield context


@pytest.fixture
def proxy(stage: Stage) -> Iterator[Proxy]:
    with tampering(stage.server.url) as proxy:
        yield proxy


@pytest.fixture
def desk(stage: Stage, proxy: Proxy, context: BrowserContext) -> Desk:
    world = World(stage.world.database, stage.world.settings)
    account, ana = world.account(), world.va()
    world.clock_in(ana, account)
    viewer = sign_in(context, proxy.url, world, ana)
    expect(viewer.badge(account)).to_have_text("You")
    return Desk(world, account, ana, viewer)


def token_of(viewer: Viewer) -> str:
    kept = "JSON.parse(sessionStorage.getItem('presence.session')).token"
    token: str = viewer.page.evaluate(kept)
    return token


def reason_of(viewer: Viewer, url: str, token: str) -> str | None:
    """Why the server refuses the token, if it does."""
    bearer = {"Authorization": f"Bearer {token}"}
    answer = viewer.page.context.request.get(f"{url}/v1/me", headers=bearer)
    reason: str | None = answer.json().get("reason")
    return reason


def test_who_is_clocked_in_is_asked_and_may_stay_so(desk: Desk, proxy: Proxy) -> None:
    token = token_of(desk.viewer)
    desk.press("Sign out")
    dialog = desk.viewer.page.get_by_role("dialog")
    expect(dialog).to_contain_text("You are clocked in on Acme Dental.")
    desk.press("Cancel")
    expect(dialog).to_be_hidden()
    assert reason_of(desk.viewer, proxy.url, token) is None
    desk.press("Sign out")
    desk.press("Sign out, stay clocked in")
    desk.viewer.wait_for(FAREWELL, "You are signed out. You are still clocked in on Acme Dental.")
    wait_until(lambda: reason_of(desk.viewer, proxy.url, token) == "signed_out")
    assert [held.account_id for held in desk.world.held()] == [desk.account.id]


def test_who_is_clocked_in_may_clock_out_with_it(desk: Desk, proxy: Proxy) -> None:
    token = token_of(desk.viewer)
    desk.press("Sign out")
    desk.press("Clock out and sign out")
    expect(desk.viewer.page.locator(FAREWELL)).to_have_text("You are signed out.")
    assert desk.world.held() == []
    wait_until(lambda: reason_of(desk.viewer, proxy.url, token) == "signed_out")


def test_who_is_not_clocked_in_is_not_asked(desk: Desk, proxy: Proxy) -> None:
    desk.viewer.act(desk.account, "Clock out")
    expect(desk.viewer.badge(desk.account)).to_be_hidden()
    token = token_of(desk.viewer)
    desk.press("Sign out")
    expect(desk.viewer.page.locator(FAREWELL)).to_have_text("You are signed out.")
    wait_until(lambda: reason_of(desk.viewer, proxy.url, token) == "signed_out")


def test_each_tab_ends_the_session_that_it_has(
    desk: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    other = sign_in(context, proxy.url, desk.world, desk.ana)
    tokens = [token_of(desk.viewer), token_of(other)]
    desk.press("Sign out")
    desk.press("Sign out, stay clocked in")
    other.wait_for(FAREWELL, "You are signed out.")
    for token in tokens:
        wait_until(lambda token=token: reason_of(other, proxy.url, token) == "signed_out")


def test_no_network_holds_up_a_sign_out(desk: Desk, proxy: Proxy) -> None:
    token = token_of(desk.viewer)
    for answer in (page(502), page(200)):
        proxy.guard = answering(answer)
        if not desk.viewer.page.get_by_role("dialog").is_visible():
            desk.press("Sign out")
        desk.press("Clock out and sign out")
        error = desk.viewer.page.locator("#leave-error")
        expect(error).to_contain_text("reached" if answer.status == 502 else "in between")
    desk.press("Sign out, stay clocked in")
    farewell = desk.viewer.page.locator(FAREWELL)
    expect(farewell).to_contain_text("You are still clocked in on Acme Dental.")
    expect(farewell).to_contain_text("The server could not be told")
    assert desk.viewer.page.evaluate("sessionStorage.length + localStorage.length") == 0
    proxy.guard = lambda _: None
    assert reason_of(desk.viewer, proxy.url, token) is None


def test_a_code_for_one_account_gives_an_admin_the_board_of_a_va(
    stage: Stage, context: BrowserContext
) -> None:
    world = World(stage.world.database, stage.world.settings)
    acme, heron, maya = world.account(), world.account("Blue Heron Bakery"), world.admin()
    world.clock_in(world.va("Ben Cruz"), acme)
    viewer = sign_in(context, stage.server.url, world, maya, account=acme)
    expect(viewer.badge(acme)).to_have_text("Occupied")
    expect(viewer.page.locator("#role")).to_have_text("VA")
    expect(viewer.row(heron)).to_have_count(0)
    expect(viewer.page.get_by_role("button", name="Clear…")).to_have_count(0)
    expect(viewer.page.get_by_role("button", name="Stale")).to_be_hidden()
    assert "Ben Cruz" not in viewer.page.content()
