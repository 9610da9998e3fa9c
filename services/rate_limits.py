"""Rate limits: counted in the database, so that all workers and machines share them.

``routes/sign_in_limit.py`` and ``routes/write_limit.py`` say who is limited, and to how much.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from sqlalchemy import literal, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models import RateLimit
from models.old_rows import oldest


class Limit(NamedTuple):
    """At most ``times`` within any ``window_seconds``."""

    times: int
    window_seconds: int


def seconds_to_wait(hits: Iterable[float], limit: Limit, *, now: datetime) -> int:
    """The seconds until the next try can be, 0 where it can be now.

    :param hits: times of tries, in seconds since 1970
    """
    begun = now.timestamp() - limit.window_seconds
    counted = sorted(at for at in hits if at > begun)
    return max(1, ceil(counted[-limit.times] - begun)) if len(counted) >= limit.times else 0


def hit(
    session: Session,
    key: str,
    limit: Limit,
    *,
    now: datetime,
    earlier: Sequence[float] = (),
    is_done: bool = False,
) -> int:
    """Count one more, unless that would exceed the limit.

    Others with the same key wait until the transaction ends. A rollback takes the count back.

    :param key: who is limited, and in what
    :param earlier: times that were not counted until now, in seconds since 1970
    :param is_done: it has been done already, so it is counted even if it exceeds the limit
    :returns: 0 if it does not, else the seconds until the next try can be
    """
    hits = [*_locked(session, key, now), *earlier]
    wait = seconds_to_wait(hits, limit, now=now)
    if wait and not is_done:
        return wait
    hits.append(now.timestamp())
    begun = now.timestamp() - limit.window_seconds
    session.execute(
        update(RateLimit)
        .where(RateLimit.key == key)
        .values(
            hits=sorted(at for at in hits if at > begun),
            expires_at=now + timedelta(seconds=limit.window_seconds),
        )
    )
    return seconds_to_wait(hits, limit, now=now) if wait else 0


def delete_old(session: Session, *, now: datetime, most: int) -> int:
    """Delete at most ``most`` rows that no longer limit anybody.

    :returns: how many
    """
    expires_at = RateLimit.expires_at
    old = oldest(expires_at, literal(now, expires_at.type), most=literal(most))
    return len(session.execute(old, execution_options={"synchronize_session": False}).all())


def _locked(session: Session, key: str, now: datetime) -> list[float]:
    """The hits of ``key``. Its row is locked, and inserted if it is missing."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    upsert = (sqlite if is_sqlite else postgresql).insert(RateLimit)
    statement = upsert.values(key=key, hits=[], expires_at=now).on_conflict_do_update(
        index_elements=["key"], set_={"key": key}
    )
    found: list[float] = session.execute(statement.returning(RateLimit.hits)).scalar_one()
    return found
