"""Finding things on the board: search, filters, keys, themes, and what a screen reader hears."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, expect

from models import Account
from services import callers, clocking
from services.times import utc_now
from services.tokens import verify
from tests.support.browser import Viewer, context_of, sign_in
from tests.support.stage import Stage
from tests.support.world import World


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with context_of(chromium) as context:
        yield context


@dataclass
class Scene:
    world: World
    accounts: list[Account]
    viewer: Viewer

    @property
    def names(self) -> Locator:
        return self.viewer.page.locator(".row:visible .name")

    def filter(self, name: str) -> Locator:
        return self.viewer.page.locator(f"[data-filter={name}]")

    def focused(self) -> str:
        text: str = self.viewer.page.evaluate(
            "(document.activeElement.querySelector('.name') ?? document.activeElement).textContent"
        )
        return text


@pytest.fixture
def scene(stage: Stage, context: BrowserContext) -> Scene:
    """An admin's page: Ben Cruz is on the café, Cedar & Sons is stale."""
    world = World(stage.world.database, stage.world.settings)
    found = [world.account(name) for name in ("Acme Dental", "Blue Café", "Cedar & Sons")]
    world.clock_in(world.va("Ben Cruz"), found[1])
    world.stale(world.va("Ana Reyes"), found[2])
    viewer = sign_in(context, stage.server.url, world, world.admin())
    expect(viewer.page.locator(".row")).to_have_count(3)
    return Scene(world, found, viewer)


def test_search_finds_accounts_and_who_is_there(scene: Scene) -> None:
    search = scene.viewer.page.get_by_role("searchbox")
    for words, found in {
        "dent": ["Acme Dental"],
        "CAFE": ["Blue Café"],
        "reyes": ["Cedar & Sons"],
        "": ["Acme Dental", "Blue Café", "Cedar & Sons"],
    }.items():
        search.fill(words)
        expect(scene.names).to_have_text(found)
    search.fill("nobody")
    expect(scene.viewer.page.locator("#empty")).to_contain_text("No account matches")
    scene.viewer.page.get_by_role("button", name="Show all accounts").click()
    expect(scene.names).to_have_count(3)


def test_filters_count_and_sift_and_follow_what_changes(scene: Scene) -> None:
    acme, cafe, _ = scene.accounts
    counts = [scene.filter(name) for name in ("all", "free", "occupied", "stale", "mine")]
    said = ["All 3", "Free 1", "Occupied 2", "Stale 1", "Mine 0"]
    for button, text in zip(counts, said, strict=True):
        expect(button).to_have_text(text)
    scene.filter("free").click()
    expect(scene.names).to_have_text(["Acme Dental"])
    scene.viewer.act(acme, "Clock in")
    expect(scene.names).to_have_count(0)
    expect(scene.filter("mine")).to_have_text("Mine 1")
    scene.filter("mine").click()
    expect(scene.names).to_have_text(["Acme Dental"])
    scene.filter("stale").click()
    expect(scene.names).to_have_text(["Cedar & Sons"])
    scene.filter("occupied").click()
    expect(scene.names).to_have_count(3)
    scene.world.force_clear(scene.world.admin("Tom Okafor"), cafe)
    expect(scene.names).to_have_text(["Acme Dental", "Cedar & Sons"])


def test_all_can_be_done_by_keys(scene: Scene) -> None:
    keyboard = scene.viewer.page.keyboard
    keyboard.press("/")
    keyboard.type("a")
    expect(scene.viewer.page.get_by_role("searchbox")).to_have_value("a")
    keyboard.press("Escape")
    keyboard.press("ArrowDown")
    assert scene.focused() == "Acme Dental"
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    assert scene.focused() == "Cedar & Sons"
    keyboard.press("ArrowUp")
    assert scene.focused() == "Blue Café"
    keyboard.press("Enter")
    expect(scene.viewer.page.get_by_role("dialog", name="Clear Blue Café?")).to_be_visible()
    keyboard.press("Escape")
    assert scene.focused() == "Blue Café"
    keyboard.press("Home")
    keyboard.press("Tab")
    assert scene.focused() == "Clock in"
    keyboard.press("Enter")
    expect(scene.viewer.badge(scene.accounts[0])).to_have_text("You")
    # The whole list is one stop of the tab key, and its row's button another.
    assert scene.viewer.page.locator("#rows [tabindex='0']").count() == 2


def test_a_change_is_announced_once_and_flashes_once(scene: Scene) -> None:
    acme, page = scene.accounts[0], scene.viewer.page
    page.evaluate("""() => {
      window.flashes = [];
      const note = (found) => found
        .filter(({target}) => "flash" in target.dataset)
        .forEach(({target}) => flashes.push(target.querySelector(".name").textContent));
      new MutationObserver(note)
        .observe(document, {subtree: true, attributeFilter: ["data-flash"]});
    }""")
    scene.world.clock_in(scene.world.va("Carla Santos"), acme)
    scene.viewer.wait_for("#changes", "Acme Dental: Carla Santos")
    expect(page.locator("[data-flash]")).to_have_count(0)
    assert page.evaluate("flashes") == ["Acme Dental"]
    page.emulate_media(reduced_motion="reduce")
    scene.world.force_clear(scene.world.admin("Tom Okafor"), acme)
    scene.viewer.wait_for("#changes", "Acme Dental: free")
    assert page.evaluate("flashes") == ["Acme Dental"]


def test_many_changes_at_once_are_announced_together(scene: Scene) -> None:
    world = scene.world
    more = [world.account(f"Delta {number}") for number in range(5)]
    expect(scene.names).to_have_count(8)
    tokens = [world.token(world.va(f"Person {number}")) for number in range(5)]
    with world.changing() as change:  # at once for whoever polls, too
        for token, account in zip(tokens, more, strict=True):
            caller = callers.by_token(change.session, verify(token, world.settings, now=utc_now()))
            clocking.clock_in(change, caller, account_id=account.id)
    expect(scene.viewer.page.locator("#changes")).to_have_text("5 accounts changed.")


def test_the_theme_is_chosen_and_remembered(scene: Scene) -> None:
    page = scene.viewer.page
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(background)
    assert light != dark
    page.get_by_role("button", name="Theme: auto").click()
    assert page.evaluate(background) == light
    page.get_by_role("button", name="Theme: light").click()
    page.emulate_media(color_scheme="light")
    page.reload()
    assert page.evaluate(background) == dark
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()


def test_what_was_5_minutes_ago_is_6_minutes_ago_a_minute_later(
    stage: Stage, context: BrowserContext
) -> None:
    world = World(stage.world.database, stage.world.settings)
    account = world.account()
    world.stale(world.va(), account, seconds=310)
    viewer = Viewer(context.new_page())
    viewer.page.clock.install()
    viewer.page.goto(stage.server.url)
    viewer.page.get_by_label("Access code").fill(world.code(world.admin()))
    viewer.page.get_by_role("button", name="Sign in").click()
    seen = viewer.row(account).locator(".seen")
    expect(seen).to_have_text("Last seen 5 min ago")
    # An answer would tell the page that its clock is a minute ahead of the server's.
    context.set_offline(True)
    viewer.page.clock.run_for(61_000)
    expect(seen).to_have_text("Last seen 6 min ago")


def test_an_empty_org_says_how_accounts_are_added(stage: Stage, context: BrowserContext) -> None:
    world = World(stage.world.database, stage.world.settings)
    viewer = sign_in(context, stage.server.url, world, world.admin())
    command = 'scripts/add-account "Acme Dental"'
    expect(viewer.page.locator("#empty code")).to_have_text(command)
    world.account()
    expect(viewer.page.locator("#empty")).to_be_hidden()
    expect(viewer.page.locator(".row")).to_have_count(1)


def test_the_page_fits_a_phone(stage: Stage, chromium: Browser) -> None:
    world = World(stage.world.database, stage.world.settings)
    long = world.account("An account whose name is far longer than any phone is wide, " * 3)
    world.clock_in(world.va("Maximiliana Featherstonehaugh-Cholmondeley of Somewhere"), long)
    with context_of(chromium, viewport={"width": 320, "height": 640}) as context:
        signing_in = context.new_page()
        signing_in.goto(stage.server.url)
        expect(signing_in.get_by_label("Access code")).to_be_visible()
        viewer = sign_in(context, stage.server.url, world, world.admin())
        expect(viewer.badge(long)).to_be_visible()
        for page in (signing_in, viewer.page):
            wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide == [320, 320]


def test_names_are_isolated_from_the_direction_of_what_is_around_them(
    stage: Stage, context: BrowserContext
) -> None:
    world = World(stage.world.database, stage.world.settings)
    account, maya = world.account("دار (1) السلام"), world.admin("מאיה (2)")
    viewer = sign_in(context, stage.server.url, world, maya)
    viewer.act(account, "Clock in")
    viewer.wait_for("#own p", "You are on")
    for selector in ("#viewer", "#rows .name", "#rows .badge", "#own p bdi"):
        expect(viewer.page.locator(selector)).to_have_css("unicode-bidi", "isolate")
