"""Change feeds: how every process learns that an org has changed.

To add a feed, write a :class:`Feed` in a file of its own and name it in ``FEEDS``.
"""

from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from feeds.feed import Feed
from feeds.notifications import Notifications
from feeds.version_poller import VersionPoller
from models.database import Database
from settings import Settings

# The best first: a process relies on the first one that is alive. The last one always is.
FEEDS: tuple[type[Feed], ...] = (Notifications, VersionPoller)


def announcements(session: Session, org_id: UUID) -> list[ColumnElement[None]]:
    """What tells every feed of a change, for the statement that makes it.

    :param session: the transaction of the change
    """
    dialect = session.get_bind().dialect.name
    told = [feed.announce(session, org_id) for feed in FEEDS if feed.suits(dialect)]
    return [each for each in told if each is not None]


def listeners(database: Database, settings: Settings) -> list[Feed]:
    """The hearing ends of this process's feeds, the best first."""
    dialect = database.engine.dialect.name
    return [feed(database, settings) for feed in FEEDS if feed.suits(dialect)]
