"""The client's address, as far as it can be known."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from flask import request

from routes.context import context


def of_client() -> IPv4Address | IPv6Address | None:
    """Where the request came from: None on a unix socket, and where a proxy names nonsense."""
    try:
        found = ip_address(_without_port(_said()))
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    # Without its zone, which only this machine would understand.
    return found.ipv4_mapped or IPv6Address(found.packed)


def text() -> str | None:
    """The same for the audit log."""
    found = of_client()
    return None if found is None else str(found)


def _said() -> str:
    """What the outermost trusted proxy said, or else who is connected."""
    trusted = context().settings.trusted_proxies
    said = [each for each in request.headers.get("X-Forwarded-For", "").split(",") if each]
    return said[-trusted] if 0 < trusted <= len(said) else request.remote_addr or ""


def _without_port(text: str) -> str:
    """Some proxies name the port too: ``192.0.2.1:8080``, ``[2001:db8::1]:8080``."""
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
