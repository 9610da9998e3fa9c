"""``application``: the gate in front of the app, for gunicorn with ``live.worker``."""

from typing import Any

from app import create_app
from live.application import Application


def __getattr__(name: str) -> Any:
    """Make ``application`` when a server asks for it: importing this module needs no settings."""
    if name != "application":
        raise AttributeError(name)
    globals()["application"] = Application(create_app())
    return globals()["application"]
