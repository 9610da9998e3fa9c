"""The extension in a real Chromium: unpacked, in a profile of its own."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    BrowserContext,
    CDPSession,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    ViewportSize,
    Worker,
)

from models import Account, Membership
from tests.support import ROOT
from tests.support.browser import FLAGS, PATIENCE_MS
from tests.support.programs import program
from tests.support.stage import wait_until
from tests.support.world import World

FOLDER = ROOT / "extension"
POPUP = ViewportSize(width=360, height=600)  # the largest that Chrome shows is 800 by 600

# What Chromium itself writes for each answer that is not 2xx, and for each that did not come.
NETWORK = "Failed to load resource:"


@dataclass
class Extension:
    """One browser with the extension.

    :ivar requests: the addresses of all that pages and worker asked for
    :ivar complaints: what their consoles have of errors and warnings
    """

    context: BrowserContext
    id: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _onlooker: Page = field(init=False)
    _stopper: CDPSession = field(init=False)
    _statuses: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("request", self._note)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        # Of the extension's origin, and without a script: it sees the storage, whoever is stopped.
        self._onlooker = self.page("page.css")
        self._stopper = self.context.new_cdp_session(self._onlooker)
        self._stopper.on("ServiceWorker.workerVersionUpdated", self._follow)
        self._stopper.send("ServiceWorker.enable")

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def _follow(self, event: dict[str, Any]) -> None:
        self._statuses += [version["runningStatus"] for version in event["versions"]]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(NETWORK):
            self.complaints.append(message.text)

    @property
    def worker(self) -> Worker:
        (worker,) = self.context.service_workers
        return worker

    def page(self, file: str) -> Page:
        page = self.context.new_page()
        page.set_viewport_size(POPUP)
        page.goto(f"chrome-extension://{self.id}/{file}")
        return page

    def popup(self) -> "Popup":
        return Popup(self.page("popup.html"))

    def stop_worker(self) -> None:
        """As Chromium does when it has been quiet, but in the midst of things."""
        self._statuses.clear()
        self._stopper.send("ServiceWorker.stopAllWorkers")
        # It may be up again at once, where a page calls it.
        self._wait_for(lambda: "stopped" in self._statuses)

    def wake_worker(self) -> None:
        """Have it run: to evaluate in one that was stopped would wait for ever."""
        scope = {"scopeURL": f"chrome-extension://{self.id}/"}
        self._stopper.send("ServiceWorker.startWorker", scope)
        self._wait_for(lambda: self._statuses[-1:] == ["running"])

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        """As `wait_until`, and meanwhile events come in."""
        give_up = time.monotonic() + PATIENCE_MS / 1000
        while not condition():
            assert time.monotonic() < give_up, self._statuses
            self._onlooker.wait_for_timeout(20)

    def tick(self) -> None:
        """Let the alarm ring now."""
        self.worker.evaluate("chrome.alarms.onAlarm.dispatch({name: 'presence'})")

    def pass_time(self, minutes: float) -> None:
        """Put the worker's clock forward, until it is stopped."""
        self.worker.evaluate(
            "ms => { const now = Date.now; Date.now = () => now() + ms; }", minutes * 60_000
        )

    def pull_plug(self) -> None:
        """Take the worker's network away, until it is stopped or `plug_in` is called."""
        self.worker.evaluate(
            """() => {
              globalThis.realFetch = fetch;
              globalThis.fetch = () => Promise.reject(new TypeError('Failed to fetch'));
            }"""
        )

    def plug_in(self) -> None:
        self.worker.evaluate("() => { globalThis.fetch = realFetch; }")

    def state(self) -> dict[str, Any]:
        """What is stored."""
        stored: dict[str, Any] = self._onlooker.evaluate("chrome.storage.local.get()")
        return stored

    def record(self) -> dict[str, Any]:
        """The record of the member who signed in last."""
        state = self.state()["state"]
        record: dict[str, Any] = state["records"][state["who"]]
        return record

    def toolbar(self) -> tuple[str, str]:
        """The badge's text, and the title."""
        text, title = self._onlooker.evaluate(
            "Promise.all([chrome.action.getBadgeText({}), chrome.action.getTitle({})])"
        )
        return text, title

    def wait_for_toolbar(self, text: str, title: str) -> None:
        wait_until(lambda: self.toolbar() == (text, f"Presence: {title}"))


@dataclass
class Popup:
    page: Page

    def row(self, account: Account) -> Locator:
        return self.page.locator("#rows li").filter(
            has=self.page.get_by_text(account.name, exact=True)
        )

    def badge(self, account: Account) -> Locator:
        return self.row(account).locator(".badge")

    def act(self, account: Account, label: str) -> None:
        """Press the account's button, which must have this label."""
        name = f"{label} {account.name}"
        self.row(account).get_by_role("button", name=name, exact=True).click()

    def clock_out(self) -> None:
        self.page.get_by_role("button", name="Clock out", exact=True).click()

    @property
    def place(self) -> Locator:
        return self.page.locator("#place")

    def set_address(self, url: str) -> None:
        self.page.get_by_label("Server address").fill(url)
        self.page.get_by_role("button", name="Continue").click()

    def type_code(self, code: str, *, keep: bool = False) -> None:
        self.page.get_by_label("Access code").fill(code)
        self.page.get_by_label("Keep me signed in").set_checked(keep)
        self.page.get_by_role("button", name="Sign in").click()

    def wait_until_live(self) -> None:
        self.page.locator("#connection[data-status=live]").wait_for()

    def sign_in(self, url: str, world: World, member: Membership, *, keep: bool = False) -> None:
        self.set_address(url)
        self.type_code(world.code(member), keep=keep)
        self.wait_until_live()


def allowed_copy(folder: Path) -> Path:
    """The extension as it is once somebody pressed Allow, which headless Chromium has nowhere."""
    copy = Path(shutil.copytree(FOLDER, folder))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["host_permissions"] = ["http://127.0.0.1/*"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


@dataclass
class Install:
    """Starts browsers with the extension, each in a profile that can be opened again."""

    playwright: Playwright
    folder: Path
    unpacked: Path
    _open: ExitStack = field(default_factory=ExitStack)
    _started: list[tuple[Extension, str]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def into(cls, playwright: Playwright, folder: Path) -> "Iterator[Install]":
        """To be ended with no request of theirs to another server, and no complaint."""
        program("chromium")
        install = cls(playwright, folder, allowed_copy(folder / "extension"))
        with install._open:
            yield install
        for extension, url in install._started:
            own = (f"chrome-extension://{extension.id}/", f"{url}/v1/")
            others = [asked for asked in extension.requests if not asked.startswith(own)]
            assert others == [], others
            assert extension.complaints == [], extension.complaints
        # What this hears of includes the worker's calls.
        asked = [asked for extension, _ in install._started for asked in extension.requests]
        assert any(url.endswith("/v1/sessions") for url in asked)

    def __call__(self, url: str, profile: str = "profile", **options: Any) -> Extension:
        """A browser whose extension is to talk to the server at ``url``."""
        browser = installed(self.playwright, self.unpacked, self.folder / profile, **options)
        extension = self._open.enter_context(browser)
        self._started.append((extension, url))
        return extension


@contextmanager
def installed(
    playwright: Playwright, unpacked: Path, profile: Path, **options: Any
) -> Iterator[Extension]:
    """A browser with the extension, which closes it."""
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=program("chromium"),
        ignore_default_args=["--disable-extensions"],
        args=[
            "--headless=new",
            *FLAGS,
            f"--disable-extensions-except={unpacked}",
            f"--load-extension={unpacked}",
        ],
        **({"locale": "en-US", "timezone_id": "UTC"} | options),
    )
    try:
        workers = context.service_workers or [context.wait_for_event("serviceworker")]
        yield Extension(context, workers[0].url.split("/")[2])
    finally:
        context.close()
