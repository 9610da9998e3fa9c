"""Problems that are not Flask's, in the metrics and in the log of problems, as its own are."""

import problem_log
from live.asgi import Scope, client_of
from live.counters import Counters
from live.token_cache import Bearer


def note(
    where: str,
    status: int,
    code: str,
    *,
    bearer: Bearer | None,
    scope: Scope,
    request_id: str,
    counters: Counters,
    trusted_proxies: int,
) -> None:
    """Count a problem, and log it where it is worth a line.

    :param where: method and route, as this program writes them
    """
    counters.problems[status, code] += 1
    if problem_log.is_told(status, code):
        claims = bearer.token.claims if bearer is not None else None
        known = claims.known_as if claims is not None else {}
        problem_log.write(
            where,
            status,
            code,
            **known,
            address=client_of(scope, trusted_proxies),
            request_id=request_id,
        )
