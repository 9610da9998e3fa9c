"""The extension where the server refuses an event as invalid."""

from datetime import datetime, timedelta

from playwright.sync_api import expect

from tests.support.extension import Install
from tests.support.extension_scene import signed_in
from tests.support.stage import Stage, wait_until

# As an extension that says times in a way that this server does not understand.
MISSPEAK = """() => {
  globalThis.realFetch = fetch;
  globalThis.fetch = (url, request) => {
    const body = request.body?.replace(/"occurred_at":"[^"]+"/, '"occurred_at":"noon"');
    return realFetch(url, {...request, body});
  };
}"""


def test_a_refused_event_is_kept_and_sent_again(stage: Stage, install: Install) -> None:
    scene = signed_in(stage, install)
    acme, *_ = scene.accounts
    scene.extension.worker.evaluate(MISSPEAK)
    scene.popup.act(acme, "Clock in")
    held = scene.popup.page.locator("#held")
    expect(held).to_contain_text("The server did not accept your clock event from")
    expect(scene.popup.place).to_contain_text("not accepted by the server")
    scene.extension.wait_for_toolbar("!", "clock-in not accepted, on Acme Dental")
    assert scene.where() == []
    (event,) = scene.extension.record()["held"]

    scene.extension.plug_in()
    settings = scene.extension.page("options.html")
    expect(settings.locator("#held li")).to_contain_text(f"Ana Reyes clocked in to {acme.name}")
    settings.close()
    held.get_by_role("button", name="Try again").click()
    expect(held).to_be_hidden()
    wait_until(lambda: scene.extension.record()["queue"] == [])
    assert scene.extension.record()["held"] == []
    assert scene.where() == [("Ana Reyes", acme.name)]
    (entry,) = scene.world.events()
    occurred_at = datetime.fromisoformat(event["occurred_at"])
    assert abs(entry.occurred_at - occurred_at) < timedelta(seconds=1)


def test_a_refused_event_holds_up_no_other(stage: Stage, install: Install) -> None:
    scene = signed_in(stage, install)
    acme, heron, _ = scene.accounts
    scene.extension.worker.evaluate(MISSPEAK)
    scene.popup.act(acme, "Clock in")
    expect(scene.popup.page.locator("#held")).to_be_visible()
    scene.extension.plug_in()
    scene.popup.act(heron, "Switch here")
    wait_until(lambda: [name for _, name in scene.where()] == [heron.name])
    expect(scene.popup.page.locator("#held button")).to_be_hidden()
