"""The rate limit of sign-ins: so that access codes can't be guessed (contract.md, "Errors").

An attempt is counted before its code is checked, in a transaction of its own that is rolled back
if the code is right. Meanwhile other attempts from the same address wait. So no guess goes
uncounted, and members who all sign in at once from one address are never refused.
"""

from ipaddress import IPv4Address, IPv6Address

import metrics
from context import context
from routes import addresses, request_log
from services import access_codes, callers, rate_limits, refused_sign_ins
from services.change import Change
from services.errors import AccessCodeRejected, TooManyAttempts
from services.rate_limits import Limit
from services.refused_sign_ins import Refused
from services.times import utc_now

REFUSED = Limit(10, window_seconds=60)  # contract.md, "Errors"
UNKNOWN = "unknown"
SUBNET_BYTES = 8  # of an IPv6 address: a client that has one address has its whole /64


def address() -> str:
    """What the limit counts by: the client's IPv4 address, or the /64 of its IPv6 address."""
    found = addresses.of_client()
    if found is None:
        return UNKNOWN
    if isinstance(found, IPv4Address):
        return str(found)
    return str(IPv6Address(found.packed[:SUBNET_BYTES].ljust(16, b"\0")))


def require_right(access_code: str) -> None:
    """Reject a wrong code, and any code from an address that has sent too many wrong ones.

    :raises AccessCodeRejected: the code is wrong; the attempt is counted
    :raises TooManyAttempts: the code was not checked
    """
    settings, key = context().settings, f"access codes/{address()}"
    org = access_codes.org_of(access_code, settings)
    with context().database.write(org) as session:
        wait_seconds = rate_limits.hit(session, key, REFUSED, now=utc_now())
        if wait_seconds:
            session.rollback()
            metrics.SIGN_INS.labels("locked_out").inc()
            raise TooManyAttempts(wait_seconds)
        try:
            callers.by_access_code(session, access_code, settings=settings, now=utc_now())
        except AccessCodeRejected:
            _note(
                refused_sign_ins.record(
                    session,
                    access_code,
                    address=addresses.text(),
                    settings=settings,
                    clock=utc_now,
                )
            )
            raise
        session.rollback()
    metrics.SIGN_INS.labels("accepted").inc()


def record_not_allowed(change: Change, access_code: str) -> None:
    """Record that a right code was refused an account that it is not for."""
    _note(
        refused_sign_ins.record(
            change.session,
            access_code,
            address=addresses.text(),
            settings=change.settings,
            clock=lambda: change.now,
            reason="not_allowed",
        )
    )


def _note(refused: Refused) -> None:
    metrics.SIGN_INS.labels(refused.reason).inc()
    request_log.tell(reason=refused.reason, access_code=refused.code_id, member=refused.member_id)
