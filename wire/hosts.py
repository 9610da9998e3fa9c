"""Hosts: what a ``Host`` header or a listening address names, and whether it is loopback."""

from ipaddress import IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """``localhost``, 127.0.0.0/8, ``::1``, and the former written as IPv6 addresses."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def host_of(field: str) -> str:
    """A ``Host``, or what a server listens on, without its port. Empty where it is malformed."""
    host, colon, port = field.rpartition(":")
    if not colon or field.endswith("]"):
        host, port = field, ""
    if port and not (port.isascii() and port.isdigit()):
        return ""
    is_bracketed = host.startswith("[") and host.endswith("]")
    if is_bracketed != (":" in host):
        return ""
    return host.strip("[]") if is_bracketed else host
