"""The rate limit of a member's writes, over all workers and machines (contract.md, "Errors").

A member's first few writes in a minute are counted in the memory of the process that served them,
so ordinary clocking in and out costs the database nothing. The next write puts them all into the
member's row in the database, which counts from then on. While a member has to wait, their writes
are refused from memory, without a lock.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from flask import Flask, Response, g, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import Membership
from services import rate_limits
from services.errors import Refusal, TooManyRequests
from services.rate_limits import Limit
from services.times import utc_now

LIMIT = Limit(120, window_seconds=60)  # contract.md, "Errors"
FEW = 5  # so many more, for each other process, may a member write who is quick
WRITERS = 10_000  # in memory, about 300 bytes each
# Signing out is possible at any time: otherwise the thief of a token could keep its owner from
# ending the session.
UNCOUNTED = {
    "clock.heartbeat",
    "sessions.open_session",
    "sessions.sign_out",
    "sessions.end_own_session",
}
WRITES = {"POST", "PUT", "PATCH", "DELETE"}
MALFORMED = {400, 413, 415, 422}

Who = tuple[UUID, UUID]  # the member's org and user: all that every token tells before a query


@dataclass(slots=True)
class Writer:
    """What one member wrote lately; times are seconds since 1970.

    :ivar few: writes that are not in the database
    :ivar counted_until: until then each is counted in the database
    :ivar waits_until: until then each is refused
    """

    few: list[float] = field(default_factory=list)
    counted_until: float = 0.0
    waits_until: float = 0.0


class Writers:
    """Those of this process; the one who has not written for longest goes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writers: dict[Who, Writer] = {}

    def seconds_to_wait(self, who: Who, at: float) -> float:
        writer = self._writers.get(who)
        return 0.0 if writer is None else writer.waits_until - at

    def let_wait(self, who: Who, until: float) -> None:
        with self._lock:
            self._of(who).waits_until = until

    def add(self, who: Who, at: float) -> list[float] | None:
        """Take note of a write.

        :returns: those to be counted in the database before it; None where it need not be
        """
        with self._lock:
            writer = self._of(who)
            if at < writer.counted_until:
                writer.counted_until = at + LIMIT.window_seconds
                return []
            few = [each for each in writer.few if each > at - LIMIT.window_seconds]
            if len(few) < FEW:
                writer.few = [*few, at]
                return None
            writer.few = []
            writer.counted_until = at + LIMIT.window_seconds
            return few

    def _of(self, who: Who) -> Writer:
        writer = self._writers.pop(who, None) or Writer()
        if len(self._writers) >= WRITERS:
            del self._writers[next(iter(self._writers))]
        self._writers[who] = writer
        return writer


_writers = Writers()


def require_patience(org_id: UUID, user_id: UUID) -> None:
    """:raises TooManyRequests: the member has to wait, as this process knows"""
    wait = _writers.seconds_to_wait((org_id, user_id), utc_now().timestamp())
    if wait > 0 and request.endpoint not in UNCOUNTED:
        g.write_counted = True
        raise TooManyRequests(int(wait) + 1)


def count(session: Session, member: Membership) -> None:
    """Count the current request, whatever will be answered to it.

    Only once it is known that the member sent it: nobody else, not even with a token that was
    revoked, may make them wait.

    :raises TooManyRequests: that is too many
    """
    if request.endpoint in UNCOUNTED:
        return
    g.write_counted = True
    now = utc_now()
    who = (member.org_id, member.user_id)
    earlier = _writers.add(who, now.timestamp())
    if earlier is None:
        return
    key = f"writes/{member.id}"
    wait_seconds = rate_limits.hit(session, key, LIMIT, now=now, earlier=earlier)
    if wait_seconds:
        _writers.let_wait(who, now.timestamp() + wait_seconds)
        raise TooManyRequests(wait_seconds)


def register(app: Flask) -> None:
    """Count in ``app`` also what was refused for its form, before it was asked whose it is.

    A write of somebody in several orgs who names none counts in the first of them.
    """

    @app.after_request
    def count_malformed(response: Response) -> Response:
        from routes.auth import writing  # which counts

        is_write = request.method in WRITES and request.endpoint not in UNCOUNTED
        if is_write and response.status_code in MALFORMED and "write_counted" not in g:
            with suppress(Refusal, SQLAlchemyError), writing(in_any_org=True):
                pass
        return response
