"""The address of the client of Flask's current request."""

import logging

from flask import Flask, request

from context import context
from wire.client_address import Address, find

_ALL_AS_ONE = (
    "so all clients count as one, and ten wrong access codes from any of them lock everyone out. "
    "Set PRESENCE_TRUSTED_PROXIES to the number of proxies in front of the service"
)
THROUGH_A_PROXY = f"A proxy names clients' addresses, but none is trusted to, {_ALL_AS_ONE}."
WITHOUT_ADDRESS = (
    f"Requests come over a unix socket and without the client's address, {_ALL_AS_ONE}; "
    "the last of them must set X-Forwarded-For."
)

log = logging.getLogger("presence.addresses")
_said: set[str] = set()  # once a process


def of_client() -> Address | None:
    """The client's, as far as it can be known."""
    trusted = context().settings.trusted_proxies
    return find(request.remote_addr, request.headers.get("X-Forwarded-For"), trusted=trusted)


def text() -> str | None:
    """The same for logs."""
    found = of_client()
    return None if found is None else str(found)


def register(app: Flask) -> None:
    """Say once in the log where ``app`` can't tell its clients from one another."""

    @app.before_request
    def say_what_to_set() -> None:
        given = request.environ
        if not given.get("REMOTE_ADDR") and of_client() is None:
            _say(WITHOUT_ADDRESS)
        elif (
            "HTTP_X_FORWARDED_FOR" in given or "HTTP_FORWARDED" in given
        ) and context().settings.trusted_proxies == 0:
            _say(THROUGH_A_PROXY)


def _say(words: str) -> None:
    if words not in _said:
        _said.add(words)
        log.warning(words)
