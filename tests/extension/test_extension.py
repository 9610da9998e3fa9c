"""The extension in Chromium, as its members use it, against a real server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tests.support.browser import FLAGS, context_of, sign_in
from tests.support.extension import Install
from tests.support.extension_scene import NAMES, Scene, signed_in
from tests.support.programs import program
from tests.support.stage import Stage, wait_until
from tests.support.world import World


@pytest.fixture
def scene(stage: Stage, install: Install) -> Scene:
    return signed_in(stage, install)


@pytest.fixture
def elsewhere(playwright: Playwright) -> Iterator[BrowserContext]:
    """Another browser, without the extension."""
    browser = playwright.chromium.launch(executable_path=program("chromium"), args=FLAGS)
    with context_of(browser) as context:
        yield context
    browser.close()


def test_the_whole_story_by_clicks(
    stage: Stage, install: Install, elsewhere: BrowserContext
) -> None:
    world = World(stage.world.database, stage.world.settings)
    acme, heron, cedar = (world.account(name) for name in NAMES)
    ana, ben = world.va(), world.va("Ben Cruz")
    world.clock_in(ben, cedar)
    extension = install(stage.server.url)
    popup = extension.popup()
    popup.set_address("http://192.0.2.1")
    expect(popup.page.locator("#server-error")).to_contain_text("https://")
    popup.set_address(stage.server.url)
    popup.type_code(world.code(ana))
    popup.wait_until_live()
    expect(popup.page.locator("#rows li")).to_have_count(3)
    expect(popup.badge(cedar)).to_have_text("Occupied")
    expect(popup.row(cedar).get_by_role("button")).to_have_count(0)
    expect(popup.place).to_contain_text("Off the clock")
    extension.wait_for_toolbar("", "off the clock")
    board = sign_in(elsewhere, stage.server.url, world, world.admin())

    popup.act(acme, "Clock in")
    expect(popup.place).to_contain_text("Acme Dental")
    expect(popup.place).to_contain_text("0 min, since")
    expect(popup.badge(acme)).to_have_text("You")
    extension.wait_for_toolbar("AD", "on Acme Dental")
    expect(board.badge(acme)).to_contain_text("Ana Reyes")

    popup.act(heron, "Switch here")
    expect(popup.place).to_contain_text("Blue Heron Bakery")
    expect(popup.badge(acme)).to_be_hidden()
    extension.wait_for_toolbar("BH", "on Blue Heron Bakery")
    expect(board.badge(heron)).to_contain_text("Ana Reyes")
    expect(board.badge(acme)).to_be_hidden()

    popup.clock_out()
    expect(popup.place).to_contain_text("Off the clock")
    expect(board.badge(heron)).to_be_hidden()
    wait_until(lambda: world.kinds() == ["clock_in", "clock_in", "switch", "clock_out"])
    assert [event.account_name for event in world.events()[1:]] == [NAMES[0], NAMES[1], NAMES[1]]
    assert "Ben Cruz" not in popup.page.content()


def test_admins_see_names_and_who_is_stale(stage: Stage, install: Install) -> None:
    world = World(stage.world.database, stage.world.settings)
    acme, heron, _ = (world.account(name) for name in NAMES)
    world.clock_in(world.va("Ben Cruz"), acme)
    world.stale(world.va("Carla Santos"), heron)
    popup = install(stage.server.url).popup()
    popup.sign_in(stage.server.url, world, world.admin())
    expect(popup.badge(acme)).to_contain_text("Ben Cruz •")
    expect(popup.row(heron)).to_contain_text("Last seen 10 min ago")


def test_signed_in_over_a_restart_only_if_kept(stage: Stage, install: Install) -> None:
    world = World(stage.world.database, stage.world.settings)
    acme, ana = world.account(), world.va()
    for keep in (True, False):
        profile = f"keep-{keep}"
        extension = install(stage.server.url, profile)
        popup = extension.popup()
        popup.sign_in(stage.server.url, world, ana, keep=keep)
        popup.act(acme, "Clock in")
        expect(popup.place).to_contain_text("0 min, since")
        assert ("session" in extension.state()) == keep
        extension.context.close()

        extension = install(stage.server.url, profile)
        popup = extension.popup()
        if keep:
            expect(popup.place).to_contain_text("Acme Dental")
        else:
            expect(popup.page.locator("#farewell")).to_contain_text("You are still on Acme Dental")
            extension.wait_for_toolbar("!", "sign in again, still on Acme Dental")
            popup.type_code(world.code(ana))
        popup.clock_out()
        expect(popup.place).to_contain_text("Off the clock")
        wait_until(lambda: not world.held())
        extension.context.close()
    assert world.kinds() == ["clock_in", "clock_out"] * 2


def test_the_code_is_stored_nowhere(stage: Stage, install: Install, tmp_path: Path) -> None:
    world = World(stage.world.database, stage.world.settings)
    extension = install(stage.server.url)
    code = world.code(world.va())
    popup = extension.popup()
    popup.set_address(stage.server.url)
    popup.type_code(code, keep=True)
    popup.wait_until_live()
    extension.context.close()
    for file in (tmp_path / "profile").rglob("*"):
        if file.is_file():
            assert code.encode() not in file.read_bytes(), file


def test_an_account_that_was_taken_meanwhile_is_refused_in_words(scene: Scene) -> None:
    acme = scene.accounts[0]
    scene.popup.page.route("**/v1/presence", lambda route: route.abort())
    # No poll of before is under way any more.
    expect(scene.popup.page.locator("#connection")).to_have_text("Reconnecting…")
    scene.world.clock_in(scene.world.va("Ben Cruz"), acme)
    scene.popup.act(acme, "Clock in")
    expect(scene.popup.page.locator("#notice")).to_contain_text("someone else is on Acme Dental")
    expect(scene.popup.place).to_contain_text("Off the clock")
    scene.popup.page.get_by_role("button", name="Dismiss").click()
    expect(scene.popup.page.locator("#notice")).to_be_hidden()


def test_eleven_wrong_codes_meet_the_limit_in_words_and_lose_nothing(scene: Scene) -> None:
    scene.clock_in(scene.accounts[0])
    scene.extension.pull_plug()
    scene.popup.clock_out()
    expect(scene.popup.page.locator("#waiting")).to_contain_text("1 event")
    scene.world.revoke_tokens(scene.ana)
    expect(scene.popup.page.locator("#farewell")).to_contain_text("signed out by an admin")
    scene.extension.plug_in()
    error = scene.popup.page.locator("#code-error")
    scene.forgive_guesses()  # those of other tests
    # The most of them at once: by hand eleven may take a busy machine more than the minute.
    for _ in range(9):
        scene.guess("K7QF-9TWM-2XHP")
    scene.popup.type_code("K7QF-9TWM-2XHP")
    expect(error).to_contain_text("not valid")
    scene.popup.type_code("K7QF-9TWM-2XHP")
    expect(error).to_have_text(re.compile(r"Too many wrong codes\. Wait \d+ seconds"))
    expect(scene.popup.page.get_by_label("Access code")).to_have_value("K7QF-9TWM-2XHP")
    record = scene.extension.record()
    assert [event["kind"] for event in record["queue"]] == ["clock_out"]
    scene.forgive_guesses()
    scene.popup.type_code(scene.world.code(scene.ana))
    expect(scene.popup.place).to_contain_text("Off the clock")
    wait_until(lambda: scene.world.kinds() == ["clock_in", "clock_out"])


def test_settings_say_what_waits_and_forget_all(scene: Scene) -> None:
    scene.clock_in(scene.accounts[0])
    scene.extension.pull_plug()
    scene.popup.clock_out()
    expect(scene.popup.page.locator("#waiting")).to_contain_text("1 event")
    settings = scene.extension.page("options.html")
    expect(settings.locator("#queue")).to_contain_text("Ana Reyes clocked out of Acme Dental")
    settings.get_by_label("Keep me signed in").check()
    wait_until(lambda: "session" in scene.extension.state())
    settings.get_by_role("button", name="Forget everything").click()
    settings.get_by_role("button", name="Yes, forget it").click()
    expect(settings.locator("#member")).to_contain_text("Nobody is signed in")
    expect(scene.popup.page.get_by_label("Server address")).to_be_visible()
    state = scene.extension.state()
    assert "session" not in state
    assert state["state"]["records"] == {}


def test_settings_tell_a_member_nothing_of_others_who_share_the_browser(scene: Scene) -> None:
    scene.clock_in(scene.accounts[0])
    scene.extension.pull_plug()
    scene.popup.clock_out()
    expect(scene.popup.page.locator("#waiting")).to_contain_text("1 event")
    settings = scene.extension.page("options.html")
    expect(settings.locator("#others")).to_be_hidden()
    settings.get_by_role("button", name="Sign out", exact=True).click()
    settings.get_by_role("button", name="Sign out, stay clocked in").click()
    others = settings.locator("#others")
    expect(others).to_contain_text("Kept for members who are not signed in: 1.")
    expect(settings.locator("#queue li")).to_have_count(0)
    scene.extension.plug_in()
    scene.popup.type_code(scene.world.code(scene.world.va("Ben Cruz")))
    expect(settings.locator("#member")).to_contain_text("Ben Cruz")
    expect(others).to_contain_text("Kept for members who are not signed in: 1.")
    assert "Ana Reyes" not in settings.content()
    assert "Acme Dental" not in settings.content()


def refusal_of(scene: Scene, token: str) -> str | None:
    """Why the server refuses the token, if it does."""
    bearer = {"Authorization": f"Bearer {token}"}
    answer = scene.popup.page.context.request.get(f"{scene.url}/v1/me", headers=bearer)
    reason: str | None = answer.json().get("reason")
    return reason


def token_of(settings: Page) -> str:
    token: str = settings.evaluate(
        "chrome.storage.session.get('session').then(({session}) => session.token)"
    )
    return token


def test_signing_out_asks_who_is_clocked_in_as_the_board_does(scene: Scene) -> None:
    scene.clock_in(scene.accounts[0])
    settings = scene.extension.page("options.html")
    token = token_of(settings)
    settings.get_by_role("button", name="Sign out", exact=True).click()
    expect(settings.get_by_role("dialog")).to_contain_text("You are clocked in on Acme Dental.")
    settings.get_by_role("button", name="Cancel").click()
    expect(settings.get_by_role("dialog")).to_be_hidden()
    assert refusal_of(scene, token) is None
    settings.get_by_role("button", name="Sign out", exact=True).click()
    settings.get_by_role("button", name="Clock out and sign out").click()
    expect(settings.locator("#member")).to_contain_text("Nobody is signed in")
    assert scene.world.kinds() == ["clock_in", "clock_out"]
    expect(scene.popup.page.get_by_label("Access code")).to_be_visible()
    expect(scene.popup.page.locator("#farewell")).to_be_hidden()
    wait_until(lambda: refusal_of(scene, token) == "signed_out")


def test_who_is_clocked_in_elsewhere_may_stay_so(scene: Scene) -> None:
    scene.world.clock_in(scene.ana, scene.accounts[0])
    settings = scene.extension.page("options.html")
    token = token_of(settings)
    settings.get_by_role("button", name="Sign out", exact=True).click()
    settings.get_by_role("button", name="Sign out, stay clocked in").click()
    expect(settings.locator("#member")).to_contain_text("Nobody is signed in")
    assert scene.where() == [("Ana Reyes", "Acme Dental")]
    wait_until(lambda: refusal_of(scene, token) == "signed_out")
    expect(scene.popup.page.locator("#farewell")).to_contain_text("You are signed out.")
