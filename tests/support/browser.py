"""The board in a real Chromium, as its users see it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Response,
    expect,
    sync_playwright,
)

from models import Account, Membership
from tests.support.programs import program
from tests.support.world import World

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 20_000  # on a busy machine
DESKTOP = {"width": 1280, "height": 800}


@dataclass
class Viewer:
    """A member at the board, in a tab.

    :ivar answers: all that the page received
    :ivar complaints: what the console has of errors and warnings
    """

    page: Page
    answers: list[Response] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("response", lambda answer: self.answers.append(answer))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def row(self, account: Account) -> Locator:
        return self.page.get_by_role("row").filter(
            has=self.page.get_by_role("gridcell", name=account.name, exact=True)
        )

    def badge(self, account: Account) -> Locator:
        return self.row(account).locator(".badge")

    def act(self, account: Account, label: str) -> None:
        """Press the account's button, which must have this label."""
        self.row(account).get_by_role("button", name=f"{label} {account.name}", exact=True).click()

    def wait_for(self, selector: str, text: str | re.Pattern[str]) -> None:
        self.page.locator(selector).filter(has_text=text).wait_for()

    def wait_until_live(self) -> None:
        self.page.locator("#connection[data-status=live]").wait_for()

    def turn(self, state: str) -> None:
        """Make the tab ``hidden`` or ``visible``, as far as it can tell: Playwright shows all."""
        self.page.evaluate(
            """state => {
              const shown = {visibilityState: state, hidden: state === "hidden"};
              for (const [name, value] of Object.entries(shown))
                Object.defineProperty(document, name, {value, configurable: true});
              document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
            }""",
            state,
        )

    def hold_timers(self) -> None:
        """Let no timer of a second or more ring that is set from now on.

        What shows all the same did not wait for one, however slow the machine is.
        """
        self.page.evaluate(
            """() => {
              const { setTimeout } = window;
              window.setTimeout = (then, ms) => setTimeout(then, ms < 1000 ? ms : 2 ** 30);
            }"""
        )

    def polls(self) -> list[int]:
        """The statuses of its polls so far."""
        return [answer.status for answer in self.answers if answer.url.endswith("/v1/presence")]


expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def running_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def context_of(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """A browser of its own, with an English reader at it, in UTC."""
    of_everyone = {"viewport": DESKTOP, "locale": "en-US", "timezone_id": "UTC"}
    context = browser.new_context(**(of_everyone | options))
    try:
        yield context
    finally:
        context.close()


def sign_in(
    context: BrowserContext, url: str, world: World, member: Membership, **options: Any
) -> Viewer:
    """Open the board in a new tab and sign ``member`` in, as they would.

    :param options: of the access code
    """
    viewer = Viewer(context.new_page())
    viewer.page.goto(url)
    viewer.page.get_by_label("Access code").fill(world.code(member, **options))
    viewer.page.get_by_role("button", name="Sign in").click()
    viewer.wait_until_live()
    return viewer
