"""The board where something between it and the server answers, or changes answers."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.support.browser import Viewer, context_of, sign_in
from tests.support.stage import Stage, wait_until
from tests.support.tampering import Answer, Asked, Proxy, Tamper, answering, page, tampering
from tests.support.world import World

NOBODYS = "K7QF-9TWM-2XHP"
RECONNECTING = "#connection[data-status=reconnecting]"
PROBLEM = ("Content-Type", "application/problem+json")
BLIPS = {
    "HTML 401": page(401),
    "HTML 403": page(403),
    "HTML 200": page(200),
    "HTML 502": page(502),
    "a redirect": page(302, ("Location", "/sso")),
    "a code in plain JSON": Answer(
        401, [("Content-Type", "application/json")], b'{"code": "not_authenticated"}'
    ),
    "a problem without a code": Answer(403, [PROBLEM], b'{"title": "Forbidden", "status": 403}'),
    "another JSON": Answer(200, [("Content-Type", "application/json")], b'{"login": "/sso"}'),
}


@pytest.fixture
def world(stage: Stage) -> World:
    return World(stage.world.database, stage.world.settings)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with context_of(chromium) as context:
        yield context


@pytest.fixture
def proxy(stage: Stage) -> Iterator[Proxy]:
    with tampering(stage.server.url) as proxy:
        yield proxy


def wait_until_all(viewers: list[Viewer], status: str) -> None:
    for viewer in viewers:
        viewer.page.locator(f"#connection[data-status={status}]").wait_for()


def test_no_answer_of_another_signs_out_in_any_tab(
    world: World, context: BrowserContext, proxy: Proxy
) -> None:
    account, ben, maya = world.account(), world.va("Ben Cruz"), world.admin()
    viewers = [sign_in(context, proxy.url, world, maya) for _ in range(2)]
    world.clock_in(ben, account)
    for viewer in viewers:
        expect(viewer.badge(account)).to_contain_text("Ben Cruz")
    kept = "sessionStorage.getItem('presence.session')"
    sessions = [viewer.page.evaluate(kept) for viewer in viewers]
    for name, blip in BLIPS.items():
        proxy.tamper = lambda asked, answer, blip=blip: blip
        wait_until_all(viewers, "reconnecting")
        for viewer in viewers:
            expect(viewer.badge(account)).to_contain_text("Ben Cruz")
            expect(viewer.page.locator("#between")).not_to_be_visible()  # it may pass by itself
        proxy.tamper = None
        # By hand what the member does who waits: the rest after many failures is up to 10 s.
        viewers[0].page.evaluate("dispatchEvent(new Event('online'))")
        wait_until_all(viewers, "live")
        assert [viewer.page.evaluate(kept) for viewer in viewers] == sessions, name


def test_what_is_done_meanwhile_is_said_to_have_failed(
    world: World, context: BrowserContext, proxy: Proxy
) -> None:
    account = world.account()
    viewer = sign_in(context, proxy.url, world, world.va())
    for answer in (page(403), page(200), page(302, ("Location", "/sso"))):
        proxy.guard = answering(answer, "clock-in")
        viewer.act(account, "Clock in")
        viewer.wait_for(
            "#notice", "Acme Dental: Something in between answers instead of the server"
        )
        assert not world.held()
        viewer.page.get_by_role("button", name="Dismiss").click()
    proxy.guard = lambda _: None
    viewer.act(account, "Clock in")
    expect(viewer.badge(account)).to_have_text("You")


def no_tag(asked: Asked, answer: Answer) -> Answer:
    return answer.without("ETag")


def doubled(asked: Asked, answer: Answer) -> Answer:
    """All that a proxy sends twice by mistake."""
    for name, value in list(answer.headers):
        if name.lower() in ("etag", "x-poll-interval", "presence-version"):
            answer = answer.with_(name, value)
    return answer


@pytest.mark.parametrize("tamper", [no_tag, doubled])
def test_tabs_follow_whatever_becomes_of_tags(
    world: World, context: BrowserContext, proxy: Proxy, tamper: Tamper
) -> None:
    proxy.tamper = tamper
    account, ben, maya = world.account(), world.va("Ben Cruz"), world.admin()
    viewers = [sign_in(context, proxy.url, world, maya) for _ in range(3)]
    for _ in range(2):
        world.clock_in(ben, account)
        for viewer in viewers:
            expect(viewer.badge(account)).to_contain_text("Ben Cruz")
        world.force_clear(maya, account)
        for viewer in viewers:
            expect(viewer.badge(account)).to_be_hidden()
    viewers[2].act(account, "Clock in")
    for viewer in viewers:
        expect(viewer.badge(account)).to_have_text("You")
        expect(viewer.page.locator("#connection")).to_have_text("Live")


@pytest.mark.parametrize("number", ["2, 2", "0", "-3"])
def test_no_number_makes_it_flood(
    world: World, context: BrowserContext, proxy: Proxy, number: str
) -> None:
    def tamper(asked: Asked, answer: Answer) -> Answer:
        in_body = re.sub(rb'"heartbeat_interval": ?45', b'"heartbeat_interval":-1', answer.body)
        other = Answer(answer.status, answer.headers, in_body)
        return other.without("X-Poll-Interval").with_("X-Poll-Interval", number)

    proxy.tamper = tamper
    account, ana = world.account(), world.va()
    world.clock_in(ana, account)
    viewer = sign_in(context, proxy.url, world, ana)
    expect(viewer.badge(account)).to_have_text("You")
    before = proxy.count("/v1/presence")
    viewer.page.wait_for_timeout(3000)
    assert proxy.count("/v1/presence") - before <= 4
    assert proxy.count("/v1/heartbeat") <= 2


def test_the_board_works_behind_a_sign_on_by_cookie(
    world: World, context: BrowserContext, proxy: Proxy
) -> None:
    def sign_on(asked: Asked) -> Answer | None:
        if asked.path == "/sso":
            return page(302, ("Set-Cookie", "sso=1; HttpOnly; Path=/"), ("Location", "/"))
        is_known = "sso=1" in asked.headers.get("Cookie", "")
        return None if is_known else page(302, ("Location", "/sso"))

    proxy.guard = sign_on
    account = world.account()
    viewer = sign_in(context, proxy.url, world, world.va())
    viewer.act(account, "Clock in")
    expect(viewer.badge(account)).to_have_text("You")
    context.clear_cookies()  # the sign-on has run out
    viewer.page.locator(RECONNECTING).wait_for()
    expect(viewer.page.locator("#between")).to_contain_text("perhaps a sign-on page")
    viewer.page.get_by_role("button", name="Reload the page").click()
    viewer.wait_until_live()
    expect(viewer.badge(account)).to_have_text("You")


def test_a_wrong_code_is_told_from_a_page_in_between(
    world: World, context: BrowserContext, proxy: Proxy
) -> None:
    viewer = Viewer(context.new_page())
    viewer.page.goto(proxy.url)
    error = viewer.page.locator("#code-error")
    for answer, said in (
        (page(401), "Something in between answers instead of the server"),
        (page(200), "Something in between answers instead of the server"),
        (page(502), "The server can't be reached."),
        (None, "This access code is not valid."),
    ):
        proxy.tamper = (lambda asked, found, answer=answer: answer) if answer else None
        viewer.page.get_by_label("Access code").fill(NOBODYS)
        viewer.page.get_by_role("button", name="Sign in").click()
        expect(error).to_contain_text(said)
    wait_until(lambda: proxy.count("/v1/sessions") == 4)
