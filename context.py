"""What a process shares: its settings, its database, and how its change feed is."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app

from models.database import Database
from settings import Settings


@dataclass
class Context:
    """:ivar feed_state: asks the process's change feed how it is; None where there is no feed"""

    settings: Settings
    database: Database
    feed_state: Callable[[], str] | None = None


def attach(app: Flask, context: Context) -> None:
    app.extensions["presence"] = context


def context() -> Context:
    """The current app's."""
    found: Context = current_app.extensions["presence"]
    return found
