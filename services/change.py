"""The one way to change what an org's viewers see: lock the org, change it, publish.

Only ``changing_locked()`` makes a :class:`Change`. Whatever changes what a view shows of
``account_presence`` (``services/presences.py``) takes one and records its events in it; which
versions are raised at the end follows from the kinds of events. Heartbeats
(``services/heartbeats.py``) write to the table too, but no view shows what they change.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import UpdateBase

from feeds import announcements
from models import ClockEvent, Org
from models.few_trips import later
from models.views import PEOPLE, View
from services.errors import Refusal
from services.staleness import stale_after_seconds
from services.versions import (
    RAISES,
    SHOWN_BY_ALL,
    SHOWN_WITH_PEOPLE,
    columns_in_microseconds,
    next_version,
)
from settings import Settings

_KEEP = insert(ClockEvent).inline()


@lru_cache(maxsize=8)
def _raising(*told: ColumnElement[None]) -> UpdateBase:
    """Raise the versions that it is given, and tell the feeds of it.

    :param told: from :func:`announcements`, which returns the same ones each time
    """
    statement = update(Org).where(Org.id == bindparam("org_id"))
    return statement.returning(*told) if told else statement


class Subject(Protocol):
    """Whose presence an event is about: a held presence, or an earlier event of it."""

    @property
    def presence_id(self) -> UUID: ...
    @property
    def account_id(self) -> UUID: ...
    @property
    def account_name(self) -> str: ...
    @property
    def user_id(self) -> UUID | None: ...
    @property
    def display_name(self) -> str: ...
    @property
    def last_heartbeat_at(self) -> datetime: ...


class Client(NamedTuple):
    """The client that asks, for the records. Both are None for a command."""

    address: str | None = None
    user_agent: str | None = None


COMMAND = Client()


class NoSuchOrg(LookupError):
    """There is no org with this id: it has been erased, or never existed."""


@contextmanager
def changing(
    session: Session,
    org_id: UUID,
    *,
    settings: Settings,
    clock: Callable[[], datetime],
    client: Client = COMMAND,
) -> Iterator["Change"]:
    """Lock the org, and publish at the end what changed, even after a refusal.

    :param session: in a ``write()`` transaction that holds no lock yet
    :param clock: read once the lock is held, so that an org's events are in the order of time
    :param client: who asks for the change
    :raises NoSuchOrg: there is no such org
    """
    # Locked first: otherwise two members swapping accounts can deadlock.
    org = session.scalar(
        select(Org)
        .where(Org.id == org_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if org is None:
        raise NoSuchOrg
    with changing_locked(session, org, settings=settings, clock=clock, client=client) as change:
        yield change


@contextmanager
def changing_locked(
    session: Session,
    org: Org,
    *,
    settings: Settings,
    clock: Callable[[], datetime],
    client: Client = COMMAND,
) -> Iterator["Change"]:
    """As ``changing()``, with an org that was locked and then read.

    :param clock: read once the lock is held, so that an org's events are in the order of time
    """
    change = Change(session, org, settings, clock(), client)
    try:
        yield change
    except Refusal:
        change._publish()
        raise
    change._publish()


class Change:
    """A locked org, and what happens to it in this transaction."""

    def __init__(
        self, session: Session, org: Org, settings: Settings, now: datetime, client: Client
    ) -> None:
        self.session = session
        self.org = org
        self.settings = settings
        self.now = now
        self.client = client
        self._raised = columns_in_microseconds(org)

    @property
    def stale_after_seconds(self) -> int:
        return stale_after_seconds(self.org, self.settings)

    def version_of(self, view: View) -> int:
        """The version of ``view`` once this change is published."""
        column = view.version_column
        return self._next(column) if column in self._raised else self.org.version_of(view)

    def record(
        self,
        kind: str,
        subjects: Sequence[tuple[Subject, datetime]],
        *,
        visible: bool = True,
        **more: Any,
    ) -> None:
        """Record an event of ``kind`` for each subject and the time when it occurred, and raise the
        versions of the views that show it.

        :param visible: False for an event that no snapshot shows: a clock-out that came too late
        :param more: further columns of the events
        """
        if visible:
            self._raised.update(RAISES[kind])
        events = [
            {
                "org_id": self.org.id,
                "kind": kind,
                "account_id": subject.account_id,
                "account_name": subject.account_name,
                "user_id": subject.user_id,
                "display_name": subject.display_name,
                "presence_id": subject.presence_id,
                "occurred_at": occurred_at,
                "received_at": self.now,
                "version": self.version_of(PEOPLE),
                "last_heartbeat_at": subject.last_heartbeat_at,
                **more,
            }
            for subject, occurred_at in subjects
        ]
        later(self.session, _KEEP, events[0] if len(events) == 1 else events)

    def accounts_changed(self) -> None:
        """An account was made, renamed or archived: clients read the accounts again."""
        self._raised.update(SHOWN_BY_ALL, ("accounts_version",))

    def members_changed(self, *, visibly: bool = False) -> None:
        """A membership changed; ``visibly`` where the views that show people show it."""
        self._raised.add("members_version")
        if visibly:
            self._raised.update(SHOWN_WITH_PEOPLE)

    @contextmanager
    def all_or_nothing(self, *, keep: bool = True) -> Iterator[None]:
        """Undo what was done in the block where it is refused: a refusal commits.

        :param keep: False to undo it in any case
        """
        raised, is_done = set(self._raised), False
        try:
            with self.session.begin_nested() as savepoint:
                yield
                is_done = keep
                if not keep:
                    savepoint.rollback()
        finally:
            if not is_done:
                self._raised = raised

    def erase_org(self) -> None:
        """Delete the org itself: there is no version left to raise, but there are feeds to tell."""
        self._raised.clear()
        told = announcements(self.session, self.org.id)
        self.session.execute(delete(Org).where(Org.id == self.org.id).returning(Org.id, *told))

    def _next(self, column: str) -> int:
        return next_version(getattr(self.org, column), self.now)

    def _publish(self) -> None:
        """Raise the versions: last, once, and only if something changed."""
        if self._raised:
            # `org` keeps what was locked: version_of() counts from there.
            versions = {column: self._next(column) for column in self._raised}
            told = announcements(self.session, self.org.id)
            later(self.session, _raising(*told), {"org_id": self.org.id, **versions})
