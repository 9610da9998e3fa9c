"""Lists of accounts as JSON, for the answer to a sign-in.

An org with thousands of accounts would make everyone who signs in wait for its list to be read and
written. Whatever changes it raises the org's ``accounts_version``, so a list is kept by that.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from models import Account, Org
from schemas import clock
from wire.dumping import dump_of
from wire.json import WrittenJson, compact_json

MOST_BYTES = 32 * 1024 * 1024  # of all lists; each takes little more

_dump = dump_of(clock.Account())


def written(accounts: Iterable[Account]) -> WrittenJson:
    """The list of these accounts."""
    return WrittenJson(compact_json([_dump(account) for account in accounts]))


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    json: WrittenJson


class AccountLists:
    """Those of this process; the one that nobody has asked for for longest goes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lists: dict[UUID, _Kept] = {}
        self._bytes = 0

    def of(self, org: Org, read: Callable[[], Iterable[Account]]) -> WrittenJson:
        """The list of the org's accounts.

        :param org: with the version that the list is of, or an earlier one
        :param read: reads the accounts
        """
        with self._lock:
            kept = self._forget(org.id)
        if kept is None or kept.version != org.accounts_version:
            kept = _Kept(org.accounts_version, written(read()))
        with self._lock:
            self._forget(org.id)  # another thread may have read it too
            self._lists[org.id] = kept
            self._bytes += len(kept.json)
            while self._bytes > MOST_BYTES:
                self._forget(next(iter(self._lists)))
        return kept.json

    def _forget(self, org_id: UUID) -> _Kept | None:
        kept = self._lists.pop(org_id, None)
        if kept is not None:
            self._bytes -= len(kept.json)
        return kept
