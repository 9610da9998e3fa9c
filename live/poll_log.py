"""The gate's problems, in the metrics and in the log of problems, as Flask has its own there."""

import problem_log
from live.asgi import Scope
from live.counters import Counters
from live.token_cache import Bearer
from wire.answers import POLLED_PATH
from wire.client_address import Address, find


def note(
    status: int,
    code: str,
    *,
    bearer: Bearer | None,
    scope: Scope,
    request_id: str,
    counters: Counters,
    trusted_proxies: int,
) -> None:
    """Count a problem, and log it where it is worth a line."""
    counters.problems[status, code] += 1
    if problem_log.is_told(status, code):
        claims = bearer.token.claims if bearer is not None else None
        known = claims.known_as if claims is not None else {}
        problem_log.write(
            f"{scope['method']} {POLLED_PATH}",
            status,
            code,
            **known,
            address=_address(scope, trusted_proxies),
            request_id=request_id,
        )


def _address(scope: Scope, trusted_proxies: int) -> Address | None:
    said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    connected = scope["client"][0] if scope["client"] else None
    return find(connected, said.decode("latin-1"), trusted=trusted_proxies)
