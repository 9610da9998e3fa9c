"""The sweep of all orgs: one transaction each, in the background of every server process."""

import logging
import threading
from datetime import timedelta
from time import monotonic, sleep

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from context import Context
from metrics import SWEEPS, SWEPT
from models.reach import NO_ORG
from models.schema import lock_key
from services import expiry, idempotency, rate_limits, sessions
from services.change import NoSuchOrg, changing
from services.times import utc_now

# contract.md: a change shows within 1 s, and becoming stale is a change.
INTERVAL_SECONDS = 1
DELETE_EVERY = timedelta(hours=1)
# In a transaction, after which others write for a moment; 500 rows take SQLite about 10 ms.
DELETE_ROWS = 500
PAUSE_SECONDS = 0.05
DELETE_SECONDS = 0.5  # then a sweep is due again
DELETERS = (idempotency.delete_old, rate_limits.delete_old, sessions.delete_old)

log = logging.getLogger("presence.sweeper")


def sweep(context: Context) -> tuple[int, int]:
    """Sweep all orgs that are due.

    :returns: how many presences became stale, and how many ended; both 0 where another process
        is sweeping
    """
    begun, stale, expired = monotonic(), 0, 0
    settings, database = context.settings, context.database
    with database.read(NO_ORG) as session:
        due = expiry.due_orgs(session, settings=settings, now=utc_now())
    if not due:
        return 0, 0
    with database.read(NO_ORG) as gatekeeper:
        if not _is_alone(gatekeeper, "sweep"):
            return 0, 0
        for org_id in due:
            try:
                with (
                    database.write(org_id) as session,
                    changing(session, org_id, settings=settings, clock=utc_now) as change,
                ):
                    marked, ended = expiry.sweep(change)
            except NoSuchOrg:
                continue  # erased since the read
            except SQLAlchemyError as error:
                # A client keeps this org locked. The others don't wait for it.
                log.warning(
                    "Sweeping an org failed and will be tried again: %s", type(error).__name__
                )
                continue
            stale += marked
            expired += ended
    SWEEPS.observe(monotonic() - begun)
    SWEPT.labels("stale").inc(stale)
    SWEPT.labels("expired").inc(expired)
    return stale, expired


def delete_old_rows(context: Context) -> bool:
    """Delete idempotency keys that are too old to be repeated, and old limits and sessions.

    A few at a time, with pauses, and not for long: others write, and the sweep goes on.

    :returns: whether all are gone
    """
    give_up = monotonic() + DELETE_SECONDS
    for delete_old in DELETERS:
        deleted = DELETE_ROWS
        while deleted == DELETE_ROWS:
            if monotonic() >= give_up:
                return False
            with context.database.write(NO_ORG) as session:
                if not _is_alone(session, "delete old rows"):
                    return False
                deleted = delete_old(session, now=utc_now(), most=DELETE_ROWS)
            sleep(PAUSE_SECONDS)
    return True


def start(context: Context) -> threading.Event:
    """Sweep in a background thread, until the event that this returns is set."""
    stop = threading.Event()
    threading.Thread(target=_run, args=(context, stop), name="sweeper", daemon=True).start()
    return stop


def _run(context: Context, stop: threading.Event) -> None:
    deletion_due = utc_now()
    while not stop.wait(INTERVAL_SECONDS):
        try:
            sweep(context)
            if utc_now() >= deletion_due and delete_old_rows(context):
                deletion_due = utc_now() + DELETE_EVERY
        except SQLAlchemyError as error:
            log.warning("The sweep failed and will be tried again: %s", type(error).__name__)
        except Exception:
            log.exception("The sweep failed")


def _is_alone(session: Session, purpose: str) -> bool:
    """On PostgreSQL one process at a time; SQLite's write lock sees to it by itself."""
    bind = session.get_bind()
    if bind.dialect.name == "sqlite":
        return True
    alone = session.scalar(select(func.pg_try_advisory_xact_lock(lock_key(bind, purpose))))
    return bool(alone)
