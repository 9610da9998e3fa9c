"""A member at their popup, in an org of its own."""

from dataclasses import dataclass

from playwright.sync_api import expect
from sqlalchemy import text

from models import Account, Membership
from models.reach import EVERY_ORG
from tests.support.extension import Extension, Install, Popup
from tests.support.stage import Stage
from tests.support.world import World

NAMES = ("Acme Dental", "Blue Heron Bakery", "Cedar & Sons")


@dataclass
class Scene:
    """Ana, signed in, at her popup."""

    world: World
    url: str
    accounts: list[Account]
    ana: Membership
    extension: Extension
    popup: Popup

    def clock_in(self, account: Account) -> None:
        """By a click, and the server knows."""
        self.popup.act(account, "Clock in")
        expect(self.popup.place).to_contain_text("0 min, since")

    def hand_over(self, account: Account) -> None:
        """An admin clears her from the account, and Ben clocks in."""
        self.world.force_clear(self.world.admin(), account)
        self.world.clock_in(self.world.va("Ben Cruz"), account)

    def next_heartbeat(self) -> None:
        self.extension.pass_time(1)
        self.extension.tick()

    def guess(self, code: str) -> None:
        """Sign in with a wrong code, past the popup."""
        asking = self.popup.page.context.request
        assert asking.post(f"{self.url}/v1/sessions", data={"access_code": code}).status == 401

    def forgive_guesses(self) -> None:
        """As if the minute were over."""
        with self.world.database.write(EVERY_ORG) as session:
            session.execute(text("DELETE FROM rate_limits"))

    def where(self) -> list[tuple[str, str]]:
        """Who is where, as the server has it."""
        names = {account.id: account.name for account in self.accounts}
        return [(held.display_name, names[held.account_id]) for held in self.world.held()]


def signed_in(stage: Stage, install: Install) -> Scene:
    return signed_in_at(stage.server.url, stage, install)


def signed_in_at(url: str, stage: Stage, install: Install) -> Scene:
    """``url`` is another way to the stage's server."""
    world = World(stage.world.database, stage.world.settings)
    accounts, ana = [world.account(name) for name in NAMES], world.va()
    extension = install(url)
    popup = extension.popup()
    popup.sign_in(url, world, ana)
    return Scene(world, url, accounts, ana, extension, popup)
