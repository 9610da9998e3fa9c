"""What a process shares: settings, database, how its change feed is, and what it keeps or notes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask, current_app

from issuers.registry import TrustedIssuers
from models.database import Database
from service_uses import ServiceUses
from settings import Settings
from wire.account_lists import AccountLists


@dataclass
class Context:
    """:ivar feed_state: asks the process's change feed how it is; None where there is no feed"""

    settings: Settings
    database: Database
    feed_state: Callable[[], str] | None = None
    issuers: TrustedIssuers = field(init=False)
    service_uses: ServiceUses = field(init=False)
    account_lists: AccountLists = field(default_factory=AccountLists, init=False)

    def __post_init__(self) -> None:
        self.issuers = TrustedIssuers(self.settings, self.database)
        self.service_uses = ServiceUses(self.database)


def attach(app: Flask, context: Context) -> None:
    app.extensions["presence"] = context


def context() -> Context:
    """The current app's."""
    found: Context = current_app.extensions["presence"]
    return found
