"""Guessing access codes: an address with too many refused ones has to wait (contract.md).

An attempt is counted before its code is looked at, in a transaction of its own that is rolled back
where the code is right. Attempts of one address wait for each other meanwhile: so no guess slips
in between, and an office that signs in all at once is never refused.
"""

from ipaddress import IPv4Address, IPv6Address
from math import ceil

from flask import g
from flask_limiter import Limiter, RateLimitExceeded
from sqlalchemy.orm import Session

from routes import addresses
from routes.context import context
from routes.rate_limits import DatabaseStorage
from services import callers
from services.errors import TooManyAttempts
from services.times import utc_now

REFUSED = "10 per 60 seconds"  # contract.md, "Errors"
UNKNOWN = "unknown"
SUBNET_BYTES = 8  # of an IPv6 address: whoever has one has at least all of its /64


def address() -> str:
    """The client's address, as far as it is to be told from others: IPv6 by the /64."""
    found = addresses.of_client()
    if found is None:
        return UNKNOWN
    if isinstance(found, IPv4Address):
        return str(found)
    return str(IPv6Address(found.packed[:SUBNET_BYTES].ljust(16, b"\0")))


limiter = Limiter(
    address, strategy="moving-window", storage_uri=f"{DatabaseStorage.STORAGE_SCHEME[0]}://"
)


def require_right(access_code: str) -> None:
    """Let nobody on with a wrong code, nor from an address that sent too many of them.

    :raises AccessCodeRejected: it lets nobody in; that counts
    :raises TooManyAttempts: it was not looked at
    """
    with context().database.write() as session:
        g.counting = session
        try:
            _look_at(session, access_code)
        except RateLimitExceeded:
            seconds = _seconds_to_wait()
            session.rollback()
            raise TooManyAttempts(seconds) from None
        session.rollback()


@limiter.shared_limit(REFUSED, scope="access codes")
def _look_at(session: Session, access_code: str) -> None:
    callers.by_access_code(session, access_code, settings=context().settings, now=utc_now())


def _seconds_to_wait() -> int:
    exceeded = limiter.current_limit
    return max(1, ceil(exceeded.reset_at - utc_now().timestamp())) if exceeded else 1
