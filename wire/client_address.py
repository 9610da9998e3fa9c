"""The client's address: who is connected, or what a trusted proxy says in X-Forwarded-For."""

from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"
SUBNET_BYTES = 8  # of an IPv6 address: a client that has one address has its whole /64
SITE_BYTES = 6  # and may have the whole /48


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


def counted_as(found: Address | None) -> str:
    """What tells clients apart: an IPv4 address, or the /64 of an IPv6 address."""
    return _network_of(found, SUBNET_BYTES)


def site_of(found: Address | None) -> str:
    """Where clients may all be one: an IPv4 address, or the /48 of an IPv6 address."""
    return _network_of(found, SITE_BYTES)


def _network_of(found: Address | None, size: int) -> str:
    if found is None:
        return UNKNOWN
    if isinstance(found, IPv4Address):
        return str(found)
    return str(IPv6Address(found.packed[:size].ljust(16, b"\0")))


def _without_port(text: str) -> str:
    """Some proxies name the port too: ``192.0.2.1:8080``, ``[2001:db8::1]:8080``."""
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
