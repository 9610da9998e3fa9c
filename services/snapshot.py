"""The snapshot: who is on which account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, case, select
from sqlalchemy.orm import Session

from models import Account, IdText, Membership, Org, Presence
from models.views import View
from services.staleness import stale_after_seconds
from services.times import rfc3339
from settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """One occupied account, in the words of the wire: an org may have thousands of them."""

    account_id: str
    account_name: str
    presence_id: str
    user_id: str
    display_name: str
    clocked_in_at: str
    state: str
    last_seen_at: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An org's versions and entries at one moment."""

    version: int
    va_version: int
    accounts_version: int
    stale_after_seconds: int
    entries: Sequence[Entry]

    def version_of(self, view: View) -> int:
        """The version of what ``view`` shows."""
        version: int = getattr(self, view.version_column)
        return version


# Made once, and run without the ORM: half of what a read of an org costs.
_ENTRIES = (
    select(
        IdText(Presence.account_id).label("account_id"),
        Account.name.label("account_name"),
        IdText(Presence.id).label("presence_id"),
        IdText(Presence.user_id).label("user_id"),
        Membership.display_name,
        Presence.clocked_in_at,
        case((Presence.stale_since.is_not(None), Presence.last_heartbeat_at)).label("last_seen_at"),
    )
    .join(Account, Account.id == Presence.account_id)
    .join(Membership, Membership.id == Presence.membership_id)
    .where(Presence.org_id == bindparam("org_id"))
    .order_by(Presence.account_id)
)


def load(session: Session, org: Org, *, settings: Settings) -> Snapshot:
    """Read the entries that belong to the versions in ``org``.

    :param session: the ``read()`` transaction in which ``org`` was read
    """
    rows = session.connection().execute(_ENTRIES, {"org_id": org.id})
    return Snapshot(
        version=org.version,
        va_version=org.va_version,
        accounts_version=org.accounts_version,
        stale_after_seconds=stale_after_seconds(org, settings),
        entries=[_entry(row) for row in rows],
    )


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        account_id=row.account_id,
        account_name=row.account_name,
        presence_id=row.presence_id,
        user_id=row.user_id,
        display_name=row.display_name,
        clocked_in_at=rfc3339(row.clocked_in_at),
        state="active" if row.last_seen_at is None else "stale",
        last_seen_at=row.last_seen_at and rfc3339(row.last_seen_at),
    )
