"""The snapshot: who is on which account, as one view sees it, in three formats.

The JSON is made in two parts: all before ``me`` is the same for every viewer of a view.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Row, case, select
from sqlalchemy.orm import Session

from models import Account, IdText, Membership, Org, Presence
from models.views import View
from services.staleness import stale_after_seconds
from services.times import rfc3339
from settings import Settings
from wire import tables


class Own(Protocol):
    """As much of a presence as its own member needs."""

    @property
    def presence_id(self) -> UUID: ...
    @property
    def account_id(self) -> UUID: ...
    @property
    def clocked_in_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One occupied account, in the words of the wire: an org may have thousands of them."""

    account_id: str
    account_name: str
    presence_id: str
    user_id: str
    display_name: str
    clocked_in_at: str
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

    def entry_of(self, user_id: UUID) -> Entry | None:
        """Where the user is, or None."""
        wanted = str(user_id)
        return next((entry for entry in self.entries if entry.user_id == wanted), None)


def load(session: Session, org: Org, *, settings: Settings) -> Snapshot:
    """Read the entries that belong to the versions in ``org``.

    :param session: the ``read()`` transaction in which ``org`` was read
    """
    rows = session.execute(
        select(
            IdText(Presence.account_id).label("account_id"),
            Account.name.label("account_name"),
            IdText(Presence.id).label("presence_id"),
            IdText(Presence.user_id).label("user_id"),
            Membership.display_name,
            Presence.clocked_in_at,
            case((Presence.stale_since.is_not(None), Presence.last_heartbeat_at)).label(
                "last_seen_at"
            ),
        )
        .join(Account, Account.id == Presence.account_id)
        .join(Membership, Membership.id == Presence.membership_id)
        .where(Presence.org_id == org.id)
        .order_by(Presence.account_id)
    )
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
        last_seen_at=row.last_seen_at and rfc3339(row.last_seen_at),
    )


def body(
    snapshot: Snapshot,
    view: View,
    format_: str,
    user_id: UUID,
    bound_account_id: UUID | None = None,
) -> bytes:
    """The representation of ``snapshot`` for one viewer.

    :param format_: ``json``, ``text`` or ``csv``
    :param bound_account_id: the only account whose name the viewer may see, or None for all
    """
    mine = snapshot.entry_of(user_id)
    if format_ == "json":
        return shared_json(snapshot, view) + json_of_me(mine)
    if bound_account_id is not None:
        entries = [_known_to(bound_account_id, entry) for entry in snapshot.entries]
        snapshot = replace(snapshot, entries=entries)
        mine = snapshot.entry_of(user_id)
    if format_ == "text":
        return _text(snapshot, view, mine).encode()
    return _csv(snapshot, view, mine).encode()


def shared_json(snapshot: Snapshot, view: View) -> bytes:
    """The JSON up to ``me``, which all viewers of ``view`` share."""
    entries = [_seen(entry, view) for entry in snapshot.entries]
    shared = {
        "version": snapshot.version_of(view),
        "view": view.name,
        "accounts_version": snapshot.accounts_version,
        "stale_after": snapshot.stale_after_seconds,
        "presence": entries,
    }
    return _json(shared)[:-1] + b',"me":'


def json_of_me(mine: Entry | None) -> bytes:
    """The rest of the JSON: the viewer's own presence, or null."""
    return _json(None if mine is None else _mine(mine)) + b"}"


def own(presence: Own) -> dict[str, str]:
    """A presence as its member sees it."""
    return {
        "id": str(presence.presence_id),
        "account_id": str(presence.account_id),
        "clocked_in_at": rfc3339(presence.clocked_in_at),
    }


def _mine(entry: Entry) -> dict[str, str]:
    """The same, of an entry."""
    return {
        "id": entry.presence_id,
        "account_id": entry.account_id,
        "clocked_in_at": entry.clocked_in_at,
    }


def _seen(entry: Entry, view: View) -> dict[str, str | None]:
    """An entry as ``view`` sees it."""
    if not view.shows_people:
        return {"account_id": entry.account_id}
    return {
        "account_id": entry.account_id,
        "presence_id": entry.presence_id,
        "user_id": entry.user_id,
        "display_name": entry.display_name,
        "clocked_in_at": entry.clocked_in_at,
        "state": "active" if entry.last_seen_at is None else "stale",
        "last_seen_at": entry.last_seen_at,
    }


def _known_to(bound_account_id: UUID, entry: Entry) -> Entry:
    """An entry without its account's name, unless that is the one a viewer is for."""
    is_theirs = entry.account_id == str(bound_account_id)
    return entry if is_theirs else replace(entry, account_name="")


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


# By whether the view shows people.
# Names first, ids last: what a person looks for stands where a narrow terminal shows it.
_TEXT_COLUMNS = {
    True: (
        "account_name",
        "display_name",
        "clocked_in_at",
        "state",
        "last_seen_at",
        "account_id",
        "presence_id",
        "user_id",
    ),
    False: ("account_name", "account_id"),
}
_CSV_COLUMNS = {
    True: (
        "row",
        "account_id",
        "account_name",
        "presence_id",
        "user_id",
        "display_name",
        "clocked_in_at",
        "state",
        "last_seen_at",
    ),
    False: ("row", "account_id", "account_name", "presence_id", "clocked_in_at"),
}
_CSV_VERSIONS = ("version", "accounts_version", "stale_after")


def _text(snapshot: Snapshot, view: View, mine: Entry | None) -> str:
    """A table, then a line for ``me`` and one for the versions."""
    columns = _TEXT_COLUMNS[view.shows_people]
    rows = [_cells(_named(entry, view), columns) for entry in snapshot.entries]
    me = "none" if mine is None else " ".join(f"{k}={v}" for k, v in _mine(mine).items())
    return (
        f"{tables.aligned(columns, rows)}\nme: {me}\n"
        f"version={snapshot.version_of(view)} view={view.name} "
        f"accounts_version={snapshot.accounts_version} stale_after={snapshot.stale_after_seconds}\n"
    )


def _csv(snapshot: Snapshot, view: View, mine: Entry | None) -> str:
    """A row for each entry, then always one for ``me``; each with the versions.

    So another version is another body, as its tag says, also while nobody is clocked in.
    """
    columns = _CSV_COLUMNS[view.shows_people]
    me: dict[str, str | None] = {"row": "me"}
    if mine is not None:
        me |= {
            "account_name": mine.account_name,
            "account_id": mine.account_id,
            "presence_id": mine.presence_id,
            "clocked_in_at": mine.clocked_in_at,
        }
    versions = [
        str(number)
        for number in (
            snapshot.version_of(view),
            snapshot.accounts_version,
            snapshot.stale_after_seconds,
        )
    ]
    entries = [{"row": "presence", **_named(entry, view)} for entry in snapshot.entries]
    rows = [[*_cells(row, columns), *versions] for row in (*entries, me)]
    return tables.csv_text((*columns, *_CSV_VERSIONS), rows)


def _named(entry: Entry, view: View) -> dict[str, str | None]:
    """An entry as ``view`` sees it, with its account's name."""
    return {**_seen(entry, view), "account_name": entry.account_name}


def _cells(row: dict[str, str | None], columns: Sequence[str]) -> list[str]:
    return [row.get(column) or "" for column in columns]
