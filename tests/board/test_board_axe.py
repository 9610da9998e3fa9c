"""The board can be used by everyone, as far as axe-core can tell."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import node
from tests.support.browser import Viewer, context_of
from tests.support.scenes import SCREENS, screen
from tests.support.stage import Stage

FAULTS = """async () => (await axe.run()).violations.map(
  ({id, help, nodes}) => `${id}: ${help}: ${nodes.slice(0, 3).map(({html}) => html)}`)"""


@pytest.mark.parametrize("name", SCREENS)
def test_axe_finds_nothing_on(name: str, stage: Stage, chromium: Browser) -> None:
    with screen(name, stage, chromium, bypass_csp=True) as viewer:
        assert faults(viewer.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_before_signing_in(scheme: str, stage: Stage, chromium: Browser) -> None:
    with context_of(chromium, bypass_csp=True, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(stage.server.url)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#code-error")).to_have_text("Type your access code.")
        assert faults(page) == []


@pytest.mark.parametrize("name", ["admin", "dark", "phone"])
def test_axe_finds_nothing_in_the_dialog_nor_where_something_is_wrong(
    name: str, stage: Stage, chromium: Browser
) -> None:
    with screen(name, stage, chromium, bypass_csp=True) as viewer:
        viewer.page.locator("[data-kind=member] button").first.click()
        expect(viewer.page.get_by_role("dialog")).to_be_visible()
        assert faults(viewer.page) == []
        viewer.page.get_by_role("button", name="Cancel").click()
        lose_the_server(viewer)
        assert faults(viewer.page) == []
        viewer.page.get_by_role("searchbox").fill("nothing is called so")
        expect(viewer.page.locator("#empty")).to_contain_text("No account matches")
        assert faults(viewer.page) == []


def lose_the_server(viewer: Viewer) -> None:
    """Let the board say that it is reconnecting, and that a clock-in came to nothing."""
    viewer.page.route("**/v1/**", lambda route: route.abort())
    viewer.page.get_by_role("button", name="Clock in").first.click()
    viewer.wait_for("#notice", "The server can't be reached.")
    viewer.wait_for("#connection", "Reconnecting…")


def faults(page: Page) -> list[str]:
    """What axe-core finds wrong with what is to be seen now."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=node.package() / "node_modules/axe-core/axe.min.js")
    found: list[str] = page.evaluate(FAULTS)
    return found
