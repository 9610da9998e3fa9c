"""Whether a request comes from this machine itself, and not through a proxy that runs on it."""

from ipaddress import IPv6Address, ip_address

from flask import Request

FORWARDED = frozenset(("FORWARDED", "VIA", "X-REAL-IP"))
FORWARDED_PREFIX = "X-FORWARDED-"


def is_local(request: Request) -> bool:
    """From a loopback address, to a loopback ``Host``, and by nothing in between.

    A peer on a unix socket has no address: it is not local. nginx as it comes speaks HTTP/1.0 to
    us and says nothing of the client, so HTTP/1.0 is not local either.
    """
    return (
        request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
        and is_loopback(request.remote_addr or "")
        and is_loopback(host_of(request.headers.get("Host", "")))
        and not any(_tells_of_a_proxy(name.upper()) for name, _ in request.headers)
    )


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
    """A ``Host``, or what a server listens on, without its port; empty where it is none."""
    host, colon, port = field.rpartition(":")
    if not colon or field.endswith("]"):
        host, port = field, ""
    if port and not (port.isascii() and port.isdigit()):
        return ""
    is_bracketed = host.startswith("[") and host.endswith("]")
    if is_bracketed != (":" in host):
        return ""
    return host.strip("[]") if is_bracketed else host


def _tells_of_a_proxy(name: str) -> bool:
    return name in FORWARDED or name.startswith(FORWARDED_PREFIX)
