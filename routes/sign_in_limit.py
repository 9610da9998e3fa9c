"""The rate limit of sign-ins: so that access codes can't be guessed (contract.md, "Errors").

An attempt is looked at where its address has refusals left, and a refused one is counted before it
is answered, with the row of its address locked. Right codes lock and count nothing, so members who
all sign in at once from one address are not refused and do not wait for each other.

Attempts that come together are answered as if they had come one after another: ten are refused as
wrong, the others have to wait. But those that had been looked at before the tenth was counted are
counted too. There are no more of them than threads: so in no minute are more wrong codes of an
address looked at than ten and, but for one, as many as it may have threads.
"""

from functools import partial
from typing import NoReturn

from sqlalchemy.orm import Session

import metrics
from context import context
from models.database import after_commit
from routes import addresses, request_log, turns
from services import access_codes, rate_limits, refused_sign_ins
from services.access_codes import Entered
from services.change import Change
from services.errors import AccessCodeRejected, TooManyAttempts
from services.rate_limits import Limit
from services.refused_sign_ins import Refused
from services.times import utc_now
from wire import client_address

REFUSED = Limit(10, window_seconds=60)  # contract.md, "Errors"


def address() -> str:
    """What the limit counts by."""
    return client_address.counted_as(addresses.of_client())


def look(session: Session, typed: str) -> Entered:
    """Whose access code it is: from now on the request is one of their org.

    It locks nothing: the code is to be checked once more.

    :param session: in the transaction of :func:`services.access_codes.org_of`
    :raises AccessCodeRejected: it lets nobody in; :func:`refuse` counts that
    :raises TooManyAttempts: the address sent too many wrong ones
    """
    now, settings = utc_now(), context().settings
    found = access_codes.look(session, typed, limited_as=_key(), settings=settings, now=now)
    wait_seconds = rate_limits.seconds_to_wait(found.refused_at, REFUSED, now=now)
    _require_patience(session, wait_seconds)
    if found.entered is None:
        raise AccessCodeRejected
    turns.tell(found.entered.org_id)
    context().database.limit(session, turns.patience())
    return found.entered


def refuse(typed: str) -> NoReturn:
    """Count an attempt with a wrong code, and record it if the code is known.

    :raises AccessCodeRejected: that is the answer to it
    :raises TooManyAttempts: or that, if the address has sent too many meanwhile
    """
    settings = context().settings
    reach = access_codes.org_of(typed, settings)
    with context().database.write(reach, turns.patience()) as session:
        wait_seconds = rate_limits.hit(session, _key(), REFUSED, now=utc_now(), is_done=True)
        _require_patience(session, wait_seconds)
        refused = refused_sign_ins.record(
            session, typed, address=addresses.text(), settings=settings, clock=utc_now
        )
        after_commit(session, partial(_tell, refused))
        raise AccessCodeRejected


def _key() -> str:
    return f"access codes/{address()}"


def _require_patience(session: Session, wait_seconds: int) -> None:
    if wait_seconds:
        after_commit(session, metrics.SIGN_INS.labels("locked_out").inc)
        raise TooManyAttempts(wait_seconds)


def record_not_allowed(change: Change, access_code: str) -> None:
    """Record that a right code was refused an account that it is not for."""
    refused = refused_sign_ins.record(
        change.session,
        access_code,
        address=addresses.text(),
        settings=change.settings,
        clock=lambda: change.now,
        reason="not_allowed",
    )
    after_commit(change.session, partial(_tell, refused))


def _tell(refused: Refused) -> None:
    metrics.SIGN_INS.labels(refused.reason).inc()
    request_log.tell(reason=refused.reason, access_code=refused.code_id, member=refused.member_id)
