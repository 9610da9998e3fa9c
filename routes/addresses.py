"""The client's address, as far as it can be known."""

import logging
from ipaddress import IPv4Address, IPv6Address, ip_address

from flask import Flask, request

from context import context

Address = IPv4Address | IPv6Address

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
    """That of Flask's current request."""
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
        is_forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        if not request.remote_addr and of_client() is None:
            _say(WITHOUT_ADDRESS)
        elif is_forwarded and context().settings.trusted_proxies == 0:
            _say(THROUGH_A_PROXY)


def _say(words: str) -> None:
    if words not in _said:
        _said.add(words)
        log.warning(words)


def find(connected: str | None, forwarded_for: str | None, *, trusted: int) -> Address | None:
    """What the outermost trusted proxy said, or else who is connected.

    :returns: None on a unix socket, and where a proxy names nonsense
    """
    said = [each for each in (forwarded_for or "").split(",") if each]
    try:
        found = ip_address(
            _without_port(said[-trusted] if 0 < trusted <= len(said) else connected or "")
        )
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    # Without its zone, which only this machine would understand.
    return found.ipv4_mapped or IPv6Address(found.packed)


def _without_port(text: str) -> str:
    """Some proxies name the port too: ``192.0.2.1:8080``, ``[2001:db8::1]:8080``."""
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
