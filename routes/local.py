"""Whether a request comes from this machine itself, and not through a proxy that runs on it."""

from flask import Request

from wire.hosts import host_of, is_loopback

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


def _tells_of_a_proxy(name: str) -> bool:
    return name in FORWARDED or name.startswith(FORWARDED_PREFIX)
