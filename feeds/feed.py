"""What a change feed is: an end that announces changes, and an end that hears of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from models.database import Database
from models.versions import Versions
from settings import Settings

# design.md, "Memory". A lease ends well before the 3 s after which contract.md calls a poll late.
LEASE_SECONDS = 2.0


class Watched(NamedTuple):
    """An org in memory.

    :ivar versions: as memory has them; None where it has not been read, or is gone
    :ivar is_being_read: ``versions`` are about to be replaced
    """

    id: UUID
    versions: Versions | None
    is_being_read: bool


class Cache(Protocol):
    """What a feed keeps fresh: ``live/watch_cache.py``, on the event loop's thread alone."""

    def watched(self) -> list[Watched]:
        """The orgs in memory."""

    def invalidate(self, org_ids: Iterable[UUID]) -> None:
        """These orgs have changed."""

    def invalidate_all(self) -> None:
        """The feed may have missed something."""

    def renew_lease(self, until: float) -> None:
        """Until then, by ``time.monotonic()``, what was not announced has not changed."""


class Feed(ABC):
    """
    :cvar kind: its name in ``/metrics``
    """

    kind: ClassVar[str]

    @abstractmethod
    def __init__(self, database: Database, settings: Settings) -> None: ...

    @staticmethod
    @abstractmethod
    def suits(dialect: str) -> bool:
        """Whether it works with a database of this kind."""

    @staticmethod
    @abstractmethod
    def announce(session: Session, org_id: UUID) -> ColumnElement[None] | None:
        """Tell of a change that is about to be committed.

        :returns: an expression that tells of it, evaluated with the statement that changes the
            org's row, and the same object each time; or None where nothing has to be sent, or where
            the commit will send it
        """

    @property
    @abstractmethod
    def is_alive(self) -> bool:
        """Whether it would hear of a change now."""

    @abstractmethod
    async def hear(self, cache: Cache, is_needed: Callable[[], bool]) -> None:
        """Keep ``cache`` fresh, and its lease renewed, until this is cancelled.

        It is called again after an exception.

        :param is_needed: False while a better feed is alive
        """

    @abstractmethod
    def also_hear(self, channel: str, act: Callable[[str], None]) -> None:
        """Call ``act`` with what others send on a channel of theirs, from :meth:`hear` on.

        It is called in a thread of the feed, and must not wait.
        """
