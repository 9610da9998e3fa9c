"""The extension's screens that docs/extension.md shows, on an org's afternoon."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from cli.demo import ACCOUNTS, ADMINS, NAME, VAS
from models import Membership
from tests.support.extension import Extension, Install, Popup
from tests.support.stage import Stage
from tests.support.world import World, ago


class Desk:
    """A member's browser: six accounts are free, one is occupied, and one by somebody unseen."""

    def __init__(self, stage: Stage, install: Install, profile: str) -> None:
        self.url = stage.server.url
        self.world = World(stage.world.database, stage.world.settings, NAME)
        self.accounts = [self.world.account(name) for name in ACCOUNTS]
        self.admin = self.world.admin(ADMINS[0])
        self.ana, ben, carla, *_ = (self.world.va(name) for name in VAS)
        self.world.clock_in(ben, self.accounts[3], ago(400))
        self.world.sweep()
        self.world.clock_in(carla, self.accounts[6], ago(60))
        self.extension: Extension = install(self.url, profile, device_scale_factor=2)
        self.popup: Popup = self.extension.popup()

    def sign_in(self, member: Membership) -> None:
        self.popup.sign_in(self.url, self.world, member)
        expect(self.popup.page.locator("#rows li")).to_have_count(len(ACCOUNTS))
        expect(self.popup.page.locator("#rows .badge:visible")).to_have_count(2)

    def clock_in(self) -> None:
        self.popup.act(self.accounts[1], "Clock in")
        expect(self.popup.place).to_contain_text("0 min, since")


def signed_out(desk: Desk) -> Page:
    desk.popup.set_address(desk.url)
    desk.popup.page.get_by_label("Access code").fill("K7QF-9TWM-2XHP")
    return desk.popup.page


def listed(desk: Desk) -> Page:
    desk.sign_in(desk.ana)
    return desk.popup.page


def on_the_clock(desk: Desk) -> Page:
    desk.sign_in(desk.ana)
    desk.clock_in()
    return desk.popup.page


def offline(desk: Desk) -> Page:
    """She clocked out while the server was away, and looks again."""
    desk.sign_in(desk.ana)
    desk.clock_in()
    desk.extension.pull_plug()
    desk.extension.context.route(f"{desk.url}/**", lambda route: route.abort())
    desk.popup.clock_out()
    expect(desk.popup.page.locator("#waiting")).to_be_visible()
    desk.popup.page.reload()
    expect(desk.popup.page.locator("#connection")).to_have_text("Reconnecting…")
    return desk.popup.page


def occupied(desk: Desk) -> Page:
    """An admin wanted an account that was taken a moment before."""
    desk.sign_in(desk.admin)
    # A snapshot of before: the popup does not hear of the next clock-in.
    desk.popup.page.route("**/v1/presence", lambda route: route.abort())
    expect(desk.popup.page.locator("#connection")).to_have_text("Reconnecting…")
    desk.world.clock_in(desk.ana, desk.accounts[0])
    desk.popup.act(desk.accounts[0], "Clock in")
    expect(desk.popup.page.locator("#notice")).to_be_visible()
    desk.popup.page.unroute("**/v1/presence")
    expect(desk.popup.badge(desk.accounts[0])).to_contain_text("Ana Reyes")
    return desk.popup.page


def settings(desk: Desk) -> Page:
    desk.sign_in(desk.ana)
    desk.clock_in()
    return desk.extension.page("options.html")


SCREENS: dict[str, Callable[[Desk], Page]] = {
    "signed-out": signed_out,
    "list": listed,
    "on-the-clock": on_the_clock,
    "offline": offline,
    "occupied": occupied,
    "settings": settings,
}
