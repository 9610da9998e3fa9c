"""A snapshot on its way to its viewers: what each of them sees, in the words of the wire."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID
from weakref import WeakValueDictionary

import schemas.presence
from models.views import VIEWS, View
from schemas.presence import OwnPresence
from services.snapshot import Entry, Snapshot
from wire.body import Beginning, Body
from wire.json import compact_json

Row = dict[str, Any]

# What is shown, by the names that the schemas have; marshmallow itself would take longer.
_SHOWN = tuple(schemas.presence.Entry().fields)
_OWN = {name: field.attribute or name for name, field in OwnPresence().fields.items()}
_shown_of = attrgetter(*_SHOWN)
_own_of = attrgetter(*_OWN.values())

# Of an entry in a table; the bodies in JSON have no names of accounts.
_COLUMNS = ("account_id", "account_name")
_COLUMNS_OF_PEOPLE = tuple(dict.fromkeys((*_COLUMNS, *_SHOWN)))


class Viewer(NamedTuple):
    """
    :ivar bound_account_id: the only account that the viewer acts on, or None for all
    """

    membership_id: UUID
    user_id: UUID
    view: View
    bound_account_id: UUID | None


class _Shared(NamedTuple):
    """What viewers must have in common for their bodies to begin alike."""

    format_name: str
    view: View
    bound_account_id: UUID | None


class Rendered:
    """A snapshot, with what its representations have in common made only once."""

    __slots__ = ("_beginnings", "_beginnings_of_bound", "_entries", "snapshot")

    def __init__(self, now: Snapshot) -> None:
        self.snapshot = now
        self._beginnings: dict[_Shared, Beginning] = {}
        # There may be as many as accounts: only those that somebody is answered with are kept.
        self._beginnings_of_bound: WeakValueDictionary[_Shared, Beginning] = WeakValueDictionary()
        self._entries = {entry.user_id: entry for entry in now.entries}

    def held_by(self, user_id: UUID) -> Entry | None:
        """The user's presence."""
        return self._entries.get(str(user_id))

    def json(self, viewer: Viewer) -> Body:
        """The JSON for one viewer: all before ``me`` is the same for every viewer of a view."""
        mine = self.held_by(viewer.user_id)
        me = None if mine is None else _own(mine)
        return Body(self.json_beginning(viewer.view), compact_json(me) + b"}")

    def json_beginning(self, view: View) -> Beginning:
        """The JSON up to ``me``. It names no accounts, so all viewers share it."""
        return self.beginning("json", view, None, _write_json)

    def beginning(
        self, format_name: str, view: View, bound: UUID | None, write: "Write"
    ) -> Beginning:
        """What a body in this format begins with, for all who see the same.

        :param bound: the only account whose name they see, or None for all
        """
        kept = self._beginnings if bound is None else self._beginnings_of_bound
        shared = _Shared(format_name, view, bound)
        found = kept.get(shared)
        if found is None:
            found = kept[shared] = Beginning(partial(write, self, view, bound))
        return found

    def prepare_like(self, before: "Rendered | None") -> None:
        """Write the JSON, and compress what somebody had compressed of the snapshot before."""
        for view in VIEWS:
            is_wanted = before is not None and before.json_beginning(view).is_compressed
            self.json_beginning(view).prepare(as_gzip=is_wanted)

    def entries(self, view: View, bound: UUID | None) -> Iterator[Row]:
        """The entries, with the names of their accounts, or of one alone."""
        for entry in self.snapshot.entries:
            yield {**_seen(entry, view), "account_name": _account_name(entry, bound)}

    def me(self, viewer: Viewer) -> Row | None:
        """The viewer's own presence, with its account's name."""
        mine = self.held_by(viewer.user_id)
        if mine is None:
            return None
        return {
            "account_id": mine.account_id,
            "account_name": _account_name(mine, viewer.bound_account_id),
            "presence_id": mine.presence_id,
            "clocked_in_at": mine.clocked_in_at,
        }

    def versions(self, view: View) -> dict[str, int]:
        """What tables state besides entries, so that a new version is always a new body."""
        return {
            "version": self.snapshot.version_of(view),
            "accounts_version": self.snapshot.accounts_version,
            "stale_after": self.snapshot.stale_after_seconds,
        }


Write = Callable[[Rendered, View, UUID | None], bytes]


def _write_json(rendered: Rendered, view: View, _bound: UUID | None) -> bytes:
    now = rendered.snapshot
    shared = {
        "version": now.version_of(view),
        "view": view.name,
        "accounts_version": now.accounts_version,
        "stale_after": now.stale_after_seconds,
        "presence": [_seen(entry, view) for entry in now.entries],
    }
    return compact_json(shared)[:-1] + b',"me":'


def columns_of(view: View) -> Sequence[str]:
    """The columns of an entry in a table."""
    return _COLUMNS_OF_PEOPLE if view.shows_people else _COLUMNS


def _own(entry: Entry) -> Row:
    """An entry as its own member sees it."""
    return dict(zip(_OWN, _own_of(entry), strict=True))


def _seen(entry: Entry, view: View) -> Row:
    """An entry as ``view`` sees it."""
    if not view.shows_people:
        return {"account_id": entry.account_id}
    return dict(zip(_SHOWN, _shown_of(entry), strict=True))


def _account_name(entry: Entry, bound: UUID | None) -> str:
    """The name of the account, unless the viewer is for another one alone."""
    return entry.account_name if bound is None or str(bound) == entry.account_id else ""
