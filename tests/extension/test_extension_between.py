"""The extension where something between it and its server answers, or changes answers."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.support.extension import Install
from tests.support.extension_scene import Scene, signed_in_at
from tests.support.stage import Stage, wait_until
from tests.support.tampering import Answer, Asked, Proxy, answering, page, tampering

PLAIN = [("Content-Type", "application/json")]
REFUSED = b'{"code": "not_authenticated", "reason": "revoked"}'
BLIPS = {
    "HTML 401": page(401),
    "HTML 403": page(403),
    "HTML 410": page(410),
    "HTML 200": page(200),
    "a redirect": page(302, ("Location", "/v1/sso")),
    "a code in plain JSON": Answer(401, PLAIN, REFUSED),
    "another JSON": Answer(200, PLAIN, b'{"login": "/sso"}'),
}


@pytest.fixture
def proxy(stage: Stage) -> Iterator[Proxy]:
    with tampering(stage.server.url) as proxy:
        yield proxy


@pytest.fixture
def scene(stage: Stage, proxy: Proxy, install: Install) -> Scene:
    return signed_in_at(proxy.url, stage, install)


def but_for_the_sign_on_page(blip: Answer) -> Callable[[Asked], Answer]:
    return lambda asked: page(200) if asked.path == "/v1/sso" else blip


def test_no_answer_of_another_ends_session_presence_or_event(scene: Scene, proxy: Proxy) -> None:
    acme = scene.accounts[0]
    connection = scene.popup.page.locator("#connection")
    scene.clock_in(acme)
    for blip in BLIPS.values():
        proxy.guard = but_for_the_sign_on_page(blip)
        expect(connection).to_have_text("Reconnecting…")
        scene.next_heartbeat()
        expect(scene.popup.place).to_contain_text("Acme Dental")
        proxy.guard = lambda _: None
        scene.popup.page.reload()
        expect(connection).to_have_text("Live")
    assert scene.extension.record()["presence"] is not None
    for blip in (BLIPS["HTML 410"], BLIPS["HTML 401"], BLIPS["another JSON"]):
        proxy.guard = answering(blip)
        scene.popup.clock_out() if not scene.extension.record()["queue"] else scene.extension.tick()
        expect(scene.popup.page.locator("#waiting")).to_contain_text("1 event")
    proxy.guard = lambda _: None
    scene.popup.page.reload()
    wait_until(lambda: scene.extension.record()["queue"] == [])
    wait_until(lambda: scene.world.kinds() == ["clock_in", "clock_out"])


@pytest.mark.parametrize("interval", ["2, 2", "0", "NaN"])
def test_no_interval_makes_the_popup_flood(scene: Scene, proxy: Proxy, interval: str) -> None:
    proxy.tamper = lambda asked, answer: answer.without("X-Poll-Interval").with_(
        "X-Poll-Interval", interval
    )
    scene.popup.page.reload()
    scene.popup.wait_until_live()
    before = proxy.count("/v1/presence")
    scene.popup.page.wait_for_timeout(4000)
    polls = proxy.count("/v1/presence") - before
    print(f"{interval}: {polls} polls in 4 s")
    assert 1 <= polls <= 5


def test_the_popup_follows_without_tags(scene: Scene, proxy: Proxy) -> None:
    proxy.tamper = lambda asked, answer: answer.without("ETag")
    acme, ben = scene.accounts[0], scene.world.va("Ben Cruz")
    for _ in range(2):
        scene.world.clock_in(ben, acme)
        expect(scene.popup.badge(acme)).to_have_text("Occupied")
        scene.world.force_clear(scene.world.admin(), acme)
        expect(scene.popup.badge(acme)).to_be_hidden()
