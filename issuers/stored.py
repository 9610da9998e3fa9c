"""The keys in the database: shared by all processes, which also agree there on who reads when."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from issuers.key_sets import PublicKey
from models import StoredKeys

# contract.md, "Tokens of a trusted issuer"
EVERY = timedelta(seconds=300)
WANTED_EVERY = timedelta(seconds=30)
RETRY_EVERY = timedelta(seconds=30)
AHEAD = timedelta(seconds=30)  # as far apart as /readyz lets clocks be
START_EVERY = timedelta(seconds=2)  # processes that start together read once


class Turns(NamedTuple):
    """When keys were read, by whichever process: see :class:`models.StoredKeys`."""

    read_at: datetime | None = None
    tried_at: datetime | None = None
    wanted_at: datetime | None = None

    def is_due(self, now: datetime, *, is_start: bool, is_wanted: bool) -> bool:
        """Whether to read now.

        :param is_start: this process has not begun a reading yet
        :param is_wanted: a token named a key that is not known
        """
        if is_wanted and _has_passed(self.wanted_at, WANTED_EVERY, now):
            return True
        if is_start:
            return _has_passed(self.tried_at, START_EVERY, now)
        return _has_passed(self.read_at, EVERY, now) and _has_passed(
            self.tried_at, RETRY_EVERY, now
        )

    def taken(self, now: datetime, *, is_wanted: bool) -> "Turns":
        """Once a reading has begun."""
        return self._replace(tried_at=now, wanted_at=now if is_wanted else self.wanted_at)


def find(session: Session, issuer: str) -> StoredKeys | None:
    """What is stored of the issuer."""
    return session.scalar(select(StoredKeys).where(StoredKeys.issuer == issuer))


def take_turn(session: Session, issuer: str, before: Turns, after: Turns) -> bool:
    """Say that a reading begins.

    :param before: as this process has seen them
    :returns: False where another process was faster
    """
    taken = {"tried_at": after.tried_at, "wanted_at": after.wanted_at}
    if before.tried_at is None:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        insert = (sqlite if is_sqlite else postgresql).insert(StoredKeys)
        first = insert.values(issuer=issuer, keys=[], **taken).on_conflict_do_nothing()
        return session.scalar(first.returning(StoredKeys.issuer)) is not None
    unchanged = (StoredKeys.issuer == issuer, StoredKeys.tried_at == before.tried_at)
    turn = update(StoredKeys).where(*unchanged).values(taken).returning(StoredKeys.issuer)
    return session.scalar(turn, execution_options={"synchronize_session": False}) is not None


def save(session: Session, issuer: str, keys: Sequence[PublicKey], read_at: datetime) -> None:
    """Keep what a reading found."""
    session.execute(
        update(StoredKeys)
        .where(StoredKeys.issuer == issuer)
        .values(keys=list(keys), read_at=read_at)
    )


def _has_passed(at: datetime | None, distance: timedelta, now: datetime) -> bool:
    # What lies ahead was written by a clock that has been corrected since.
    return at is None or not -AHEAD <= now - at < distance
