"""Keeping orgs as the adopter's views have them: when they notify, and every minute."""

import logging
import threading
from collections import OrderedDict
from contextlib import suppress
from time import monotonic
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from context import Context
from live import directory_views
from live.directory_views import Unusable
from models import Org
from models.reach import NO_ORG
from models.schema import lock_key
from schemas.fields import is_id
from services import directory, orgs
from services.change import changing
from services.errors import Refusal
from services.times import utc_now

CHANNEL = "presence_directory"  # contract.md, "Ids from elsewhere": the adopter's, for all schemas
COMPARE_EVERY_SECONDS = 60.0  # contract.md, "Ids from elsewhere"
# Between two comparisons: a trigger may fire for each of thousands of rows.
PAUSE_SECONDS = 0.1
RETRY_SECONDS = 1.0  # after a fault, before the next
MOST_WAITING = 10_000  # orgs; of more, those that are compared every minute anyway are dropped

log = logging.getLogger("presence.directory")


class BeingCompared(Exception):
    """Another process compares the org at this moment; it hears what this one hears."""


def compare_all(context: Context, schema: str) -> dict[UUID, str | None]:
    """Make every org of the views as it is there.

    :returns: for each org, why it was left as it is; None where it was not
    :raises Unusable: the views can't be read at all
    """
    found: dict[UUID, str | None] = {}
    for org_id in _orgs(context, schema):
        with suppress(BeingCompared):
            found[org_id] = compare(context, schema, org_id)
    return found


def compare(context: Context, schema: str, org_id: UUID) -> str | None:
    """Make one org as it is in the views; one that is in neither is left as it is.

    :returns: why it was left as it is, although it is in a view; None where it was not
    """
    try:
        _compare(context, schema, org_id)
    except Unusable as error:
        return str(error)
    except SQLAlchemyError as error:
        return type(error).__name__
    return None


def _orgs(context: Context, schema: str) -> list[UUID]:
    with context.database.read(NO_ORG) as session:
        return directory_views.orgs(session, schema)


def _compare(context: Context, schema: str, org_id: UUID) -> None:
    """All or nothing: :class:`Unusable` commits nothing, where a refusal would."""
    with context.database.write(org_id) as session:
        key = lock_key(session.get_bind(), f"directory/{org_id}")
        if not session.scalar(select(func.pg_try_advisory_xact_lock(key))):
            raise BeingCompared
        # Read before the org is locked: their views may be slow.
        viewed = directory_views.read(session, schema, org_id)
        if viewed is None:
            return
        if session.scalar(select(Org.id).where(Org.id == org_id)) is None:
            if viewed.org_name is None:
                raise Unusable("the org is new, and has no row in accounts that names it")
            orgs.create(session, viewed.org_name, now=utc_now(), id=org_id)
        try:
            with changing(session, org_id, settings=context.settings, clock=utc_now) as change:
                if viewed.org_name is not None:
                    change.org.name = viewed.org_name
                directory.sync(
                    change,
                    accounts=viewed.accounts,
                    members=viewed.members,
                    prune=True,
                    actor=None,
                )
        except Refusal as refusal:
            named = refusal.fields.get("id")
            raise Unusable(f"{refusal.code} {named or ''}".rstrip()) from None


class DirectorySync:
    """Compares in a thread of its own: orgs of which it hears first, all of them every minute."""

    def __init__(self, context: Context, schema: str) -> None:
        self._context = context
        self._schema = schema
        self._lock = threading.Lock()
        self._heard: OrderedDict[UUID, None] = OrderedDict()  # each waits for those before it
        self._waiting: OrderedDict[UUID, None] = OrderedDict()
        self._is_all_due = False
        self._is_turn_of_heard = False
        self._woken = threading.Event()
        self._stop = threading.Event()
        self._told: dict[UUID | None, str] = {}

    def hear(self, payload: str) -> None:
        """Their notification: an org's id; nothing for all orgs. Anything else is ignored."""
        with self._lock:
            if not payload:
                self._is_all_due = True
            elif is_id(payload) and len(self._heard) < MOST_WAITING:
                org_id = UUID(payload)
                self._heard[org_id] = None
        self._woken.set()

    def start(self) -> None:
        threading.Thread(target=self._run, name="directory", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()
        self._woken.set()

    def _run(self) -> None:
        due_at = monotonic()
        while not self._stop.is_set():
            self._woken.clear()
            try:
                if self._take_all_due() or monotonic() >= due_at:
                    due_at = monotonic() + COMPARE_EVERY_SECONDS
                    self._add_all()
                org_id = self._next()
                if org_id is None:
                    self._woken.wait(max(0.0, due_at - monotonic()))
                else:
                    with suppress(BeingCompared):
                        self._tell(org_id, compare(self._context, self._schema, org_id))
                    self._stop.wait(PAUSE_SECONDS)
            except Exception:
                log.exception("Comparing with the directory failed")
                self._stop.wait(RETRY_SECONDS)

    def _take_all_due(self) -> bool:
        with self._lock:
            is_due, self._is_all_due = self._is_all_due, False
            return is_due

    def _add_all(self) -> None:
        try:
            found = _orgs(self._context, self._schema)
        except Unusable as error:
            self._tell(None, str(error))
            return
        except SQLAlchemyError as error:
            self._tell(None, type(error).__name__)
            return
        self._tell(None, None)
        with self._lock:
            self._waiting.update(dict.fromkeys(found))
            for org_id in self._told.keys() - {None, *found}:
                del self._told[org_id]

    def _next(self) -> UUID | None:
        with self._lock:
            # In turn, so that an org that never falls silent keeps no other waiting.
            self._is_turn_of_heard = not self._is_turn_of_heard
            both = (self._waiting, self._heard)
            first = both[self._is_turn_of_heard] or both[not self._is_turn_of_heard]
            return first.popitem(last=False)[0] if first else None

    def _tell(self, org_id: UUID | None, why: str | None) -> None:
        """Log a fault once, not every minute anew, and its end."""
        whose = "All orgs are" if org_id is None else f"The org {org_id} is"
        if why is None:
            if self._told.pop(org_id, None) is not None:
                log.warning("The directory can be used again: %s as it has them.", whose)
        elif self._told.get(org_id) != why:
            self._told[org_id] = why
            log.warning("The directory can't be used: %s left as before: %s", whose, why)
