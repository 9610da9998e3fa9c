"""The board where the server takes a request and does not answer it."""

from time import monotonic

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import context_of, sign_in
from tests.support.stage import Stage
from tests.support.world import World

LIMIT_SECONDS = 10


@pytest.mark.parametrize("answer", ["none", "redirect"])
def test_a_clock_in_without_an_answer_ends_and_says_so(
    stage: Stage, chromium: Browser, answer: str
) -> None:
    world = World(stage.world.database, stage.world.settings)
    account = world.account()
    with context_of(chromium) as context:
        viewer = sign_in(context, stage.server.url, world, world.va())
        elsewhere: list[str] = []
        viewer.page.route("**/elsewhere", lambda route: elsewhere.append(route.request.url))
        viewer.page.route(
            "**/v1/clock-in",
            lambda route: (
                None
                if answer == "none"
                else route.fulfill(status=307, headers={"Location": "/elsewhere"})
            ),
        )
        button = viewer.row(account).get_by_role("button", name="Clock in")
        begun = monotonic()
        button.click()
        expect(viewer.page.locator("#notice")).to_contain_text(account.name)
        assert monotonic() - begun < 2 * LIMIT_SECONDS
        expect(button).to_be_enabled()
        assert elsewhere == []
