"""The screens of the board that are shown in README and examined for accessibility."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, expect

from cli.demo import ACCOUNTS, ADMINS, NAME, VAS
from models import Membership
from services import accounts, members
from tests.support.browser import Viewer, context_of, sign_in
from tests.support.stage import Stage
from tests.support.world import World, ago

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}
SCREENS: dict[str, dict[str, Any]] = {
    "admin": {},
    "va": {},
    "phone": PHONE,
    "dark": {"color_scheme": "dark"},
    "empty": {},
    "500": {},
}
COLOURS = ("Amber", "Blue", "Copper", "Emerald", "Golden", "Indigo", "Ivory", "Jade", "Maple")
THINGS = ("Anchor", "Bakery", "Clinic", "Dental", "Fitness", "Garden", "Harbor", "Kitchen", "Law")
KINDS = ("& Sons", "Group", "House", "LLC", "Partners", "Studio", "Works")


@contextmanager
def screen(name: str, stage: Stage, chromium: Browser, **options: Any) -> Iterator[Viewer]:
    """The screen called so, when all of it is there.

    :param options: of the browser, beyond the screen's own
    """
    size = {"empty": 0, "500": 500}.get(name, len(ACCOUNTS))
    world, admin, vas = populated(stage, size)
    with context_of(chromium, **SCREENS[name], **options) as context:
        member = vas[0] if name == "va" else admin
        viewer = sign_in(context, stage.server.url, world, member)
        expect(viewer.page.locator(".row")).to_have_count(size)
        viewer.page.mouse.move(0, 0)
        yield viewer


def populated(stage: Stage, size: int) -> tuple[World, Membership, list[Membership]]:
    """An org in the afternoon, its admin and its VAs: every third account is occupied."""
    world = World(stage.world.database, stage.world.settings, NAME)
    with world.changing() as change:
        found = [accounts.add(change, name, actor=None) for name in names(size)]
        admin = members.add(change, display_name=ADMINS[0], role="admin", actor=None)
        vas = [
            members.add(change, display_name=VAS[number % len(VAS)], role="va", actor=None)
            for number in range(max(len(VAS), size // 3 + 1))
        ]
    for number, account in enumerate(found[::3]):
        minutes = 6 if number % 5 == 1 else 1
        world.clock_in(vas[number], account, ago(60 * minutes))
    world.sweep()
    return world, admin, vas


def names(size: int) -> list[str]:
    """So many names of accounts, as orgs have them."""
    every = [f"{one} {two} {three}" for one in COLOURS for two in THINGS for three in KINDS]
    return list(ACCOUNTS) if size == len(ACCOUNTS) else every[:size]
