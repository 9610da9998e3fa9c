"""What the app holds for its routes: settings and database."""

from dataclasses import dataclass

from flask import Flask, current_app

from models.session import Database
from settings import Settings


@dataclass(frozen=True)
class Context:
    settings: Settings
    database: Database


def attach(app: Flask, context: Context) -> None:
    app.extensions["presence"] = context


def context() -> Context:
    """The current app's."""
    found: Context = current_app.extensions["presence"]
    return found
