"""Counting what a client may not do often, for all workers and machines, in the database."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models import RateLimit


def hit(
    session: Session, key: str, *, limit: int, window_seconds: int, now: datetime, count: int = 1
) -> bool:
    """Count ``count`` more, unless that would be more than ``limit`` within the window.

    All others with the same key wait until the transaction ends. A rollback takes the count back.

    :returns: whether it was counted
    """
    hits = _within(_locked(session, key, now), window_seconds, now)
    if len(hits) + count > limit:
        return False
    session.execute(
        update(RateLimit)
        .where(RateLimit.key == key)
        .values(
            hits=[*hits, *[now.timestamp()] * count],
            expires_at=now + timedelta(seconds=window_seconds),
        )
    )
    return True


def hits(session: Session, key: str, *, window_seconds: int, now: datetime) -> list[float]:
    """When it was done within the window, in seconds since 1970, the earliest first."""
    found = session.scalar(select(RateLimit.hits).where(RateLimit.key == key))
    return _within(found or [], window_seconds, now)


def forget_old(session: Session, *, now: datetime) -> None:
    """Delete what limits nobody any more."""
    session.execute(delete(RateLimit).where(RateLimit.expires_at <= now))


def _locked(session: Session, key: str, now: datetime) -> list[float]:
    """The hits of ``key``, its row locked, and made where there is none."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    upsert = (sqlite if is_sqlite else postgresql).insert(RateLimit)
    statement = upsert.values(key=key, hits=[], expires_at=now).on_conflict_do_update(
        index_elements=["key"], set_={"key": key}
    )
    found: list[float] = session.execute(statement.returning(RateLimit.hits)).scalar_one()
    return found


def _within(hits: list[float], window_seconds: int, now: datetime) -> list[float]:
    return [at for at in hits if at > now.timestamp() - window_seconds]
