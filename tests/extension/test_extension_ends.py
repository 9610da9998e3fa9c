"""What ends a presence that the extension began, in Chromium, against a real server."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from services.times import utc_now
from tests.support.extension import Install
from tests.support.extension_scene import Scene, signed_in
from tests.support.stage import Stage, wait_until


@pytest.fixture
def scene(stage: Stage, install: Install) -> Scene:
    return signed_in(stage, install)


def test_of_two_browsers_the_second_ends_the_first_which_does_not_fight(
    scene: Scene, install: Install
) -> None:
    acme, heron, _ = scene.accounts
    scene.clock_in(acme)
    scene.popup.page.close()
    other = install(scene.url, "other")
    second = other.popup()
    second.sign_in(scene.url, scene.world, scene.ana)
    expect(second.place).to_contain_text("In another browser")
    second.act(heron, "Switch here")
    expect(second.place).to_contain_text("0 min")

    scene.next_heartbeat()
    wait_until(lambda: scene.extension.record()["presence"] is None)
    popup = scene.extension.popup()
    expect(popup.page.locator("#notice")).to_contain_text("You left Acme Dental")
    expect(popup.place).to_contain_text("In another browser")
    for _ in range(3):
        scene.next_heartbeat()
    scene.extension.pass_time(180)
    scene.extension.tick()
    popup.page.get_by_role("button", name="Dismiss").click()
    expect(popup.page.locator("#notice")).to_be_hidden()
    assert scene.where() == [("Ana Reyes", "Blue Heron Bakery")]
    assert scene.world.kinds() == ["clock_in", "switch"]
    expect(second.page.locator("#notice")).to_be_hidden()


def test_a_presence_that_began_elsewhere_can_be_ended_or_taken_over(scene: Scene) -> None:
    acme = scene.accounts[0]
    for is_taken_over in (True, False):
        held = scene.world.clock_in(scene.ana, acme)
        expect(scene.popup.place).to_contain_text("In another browser")
        if is_taken_over:
            scene.popup.act(acme, "Continue here")
            expect(scene.popup.place).to_contain_text("0 min, since")
            assert scene.extension.record()["presence"]["id"] == str(held.presence_id)
        scene.popup.clock_out()
        expect(scene.popup.place).to_contain_text("Off the clock")
        wait_until(lambda: scene.where() == [])
    assert scene.world.kinds() == ["clock_in", "clock_out"] * 2


def test_a_force_clear_shows_within_one_heartbeat_and_the_next_holder_is_left_alone(
    scene: Scene,
) -> None:
    acme = scene.accounts[0]
    scene.clock_in(acme)
    scene.popup.page.close()
    scene.hand_over(acme)
    scene.next_heartbeat()
    wait_until(lambda: scene.extension.record()["presence"] is None)
    popup = scene.extension.popup()
    expect(popup.page.locator("#notice")).to_contain_text("An admin cleared you from Acme Dental")
    scene.extension.wait_for_toolbar("", "off the clock")
    scene.next_heartbeat()
    assert scene.where() == [("Ben Cruz", "Acme Dental")]


def test_a_clock_out_that_comes_after_a_force_clear_disturbs_nobody(scene: Scene) -> None:
    acme = scene.accounts[0]
    scene.clock_in(acme)
    scene.extension.pull_plug()
    scene.popup.clock_out()
    expect(scene.popup.page.locator("#waiting")).to_contain_text("1 event")
    scene.hand_over(acme)
    scene.extension.plug_in()
    # A popup tries at once when it is opened; one that is open did so when it saw the hand-over.
    scene.popup.page.reload()
    wait_until(lambda: scene.extension.record()["queue"] == [])
    expect(scene.popup.page.locator("#waiting")).to_be_hidden()
    assert scene.where() == [("Ben Cruz", "Acme Dental")]
    assert scene.world.kinds() == ["clock_in", "force_clear", "clock_in"]
    expect(scene.popup.badge(acme)).to_have_text("Occupied")


def test_an_open_popup_sees_a_force_clear_at_once(scene: Scene) -> None:
    acme = scene.accounts[0]
    scene.clock_in(acme)
    scene.hand_over(acme)
    expect(scene.popup.page.locator("#notice")).to_contain_text("An admin cleared you")
    expect(scene.popup.badge(acme)).to_have_text("Occupied")


def test_after_an_hour_without_input_it_clocks_out_and_says_so(scene: Scene) -> None:
    scene.clock_in(scene.accounts[0])
    scene.extension.pass_time(60.5)
    scene.extension.tick()
    expect(scene.popup.page.locator("#notice")).to_contain_text("no input for 60 minutes")
    expect(scene.popup.place).to_contain_text("Off the clock")
    wait_until(lambda: scene.world.kinds() == ["clock_in", "clock_out"])
    assert scene.world.events()[-1].reason == "inactivity"
    shown = "chrome.notifications.getAll()"
    wait_until(lambda: list(scene.extension.worker.evaluate(shown)) == ["ended"])


def test_a_long_sleep_ends_the_time_when_input_was_last_seen(scene: Scene) -> None:
    scene.clock_in(scene.accounts[0])
    began = utc_now()
    scene.extension.pass_time(300)
    scene.extension.tick()
    wait_until(lambda: scene.world.kinds() == ["clock_in", "clock_out"])
    assert abs(scene.world.events()[-1].occurred_at - began) < timedelta(minutes=1)
