"""Where Flask-Limiter counts: in our database, in the transaction that ``g.counting`` is."""

from typing import NoReturn

from flask import g
from limits.storage import MovingWindowSupport, Storage
from sqlalchemy.exc import SQLAlchemyError

from services import rate_limits
from services.times import utc_now


class DatabaseStorage(Storage, MovingWindowSupport):
    """A storage for the strategy ``moving-window``; ``limits`` finds it by its scheme."""

    STORAGE_SCHEME = ["presence"]  # noqa: RUF012 - as limits declares it
    base_exceptions = SQLAlchemyError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return rate_limits.hit(
            g.counting, key, limit=limit, window_seconds=expiry, now=utc_now(), count=amount
        )

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        now = utc_now()
        hits = rate_limits.hits(g.counting, key, window_seconds=expiry, now=now)
        return (hits[0] if hits else now.timestamp()), len(hits)

    def _not_of_this_strategy(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError("only moving windows are kept")

    incr = get = get_expiry = check = reset = clear = _not_of_this_strategy
