"""Accounts of the directory: what is listed, compared with what is there."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from models import Account, Membership
from services import audit_log, bulk
from services.audit_log import Entry
from services.change import Change
from services.errors import IdTaken


class ListedAccount(NamedTuple):
    id: UUID
    name: str
    archived: bool


class AccountCounts(NamedTuple):
    """Each account is counted once: what is archived is not counted as changed too."""

    created: int = 0
    changed: int = 0
    archived: int = 0
    unchanged: int = 0


class AccountPlan:
    """The listed accounts that are not as they should be.

    Those that are not there are made at once: only that shows which ids another org has.

    :param prune: archive the accounts that are not listed
    :ivar archived: the ids of those that are archived
    :raises IdTaken: an id is an account's of another org
    """

    def __init__(
        self, change: Change, listed: Sequence[ListedAccount] | None, *, prune: bool
    ) -> None:
        self._change = change
        self.archived: set[UUID] = set()
        self._entries: list[Entry] = []
        self._rows: list[dict[str, Any]] = []
        self.counts = AccountCounts()
        if listed is not None:
            self._compare(listed, prune=prune)

    def _compare(self, listed: Sequence[ListedAccount], *, prune: bool) -> None:
        there, unchanged, new = self._there(listed, prune=prune), 0, []
        for each in listed:
            row = there.pop(each.id, None)
            if row is None:
                new.append(each)
            elif each == _as_listed(row):
                unchanged += 1
            else:
                self._alter(row, each)
        for row in there.values() if prune else ():
            if row["archived_at"] is None:
                self._alter(row, _as_listed(row)._replace(archived=True))
        self._make(new)
        self.counts = AccountCounts(
            created=len(new),
            changed=len(self._rows) - len(self.archived),
            archived=len(self.archived),
            unchanged=unchanged,
        )

    def apply(self, actor: Membership | None) -> None:
        """Change those that differ; the audit log tells of these, and of those that were made."""
        bulk.update(self._change, Account, self._rows, ("name", "name_casefolded", "archived_at"))
        if self._entries:
            self._change.accounts_changed()
        audit_log.record_all(self._change, self._entries, actor=actor)

    def _there(self, listed: Sequence[ListedAccount], *, prune: bool) -> dict[UUID, dict[str, Any]]:
        """The org's accounts that may differ, by id."""
        query = select(Account.__table__).where(Account.org_id == self._change.org.id)
        if not prune and len(listed) <= bulk.FEW:
            query = query.where(Account.id.in_([each.id for each in listed]))
        return {row.id: dict(row._mapping) for row in self._change.session.execute(query)}

    def _make(self, new: Sequence[ListedAccount]) -> None:
        now = self._change.now
        rows = [
            {
                "id": each.id,
                "org_id": self._change.org.id,
                "name": each.name,
                "name_casefolded": each.name.casefold(),
                "created_at": now,
                "archived_at": now if each.archived else None,
            }
            for each in new
        ]
        made = bulk.insert_unless_taken(self._change, Account, rows)
        for each in new:
            if each.id not in made:
                raise IdTaken(each.id)
        self._entries += [Entry("account_added", account=each) for each in new]
        self._entries += [Entry("account_archived", account=each) for each in new if each.archived]

    def _alter(self, row: dict[str, Any], listed: ListedAccount) -> None:
        former, archived_at = _as_listed(row), row["archived_at"]
        if listed.name != former.name:
            names = {"from": former.name, "to": listed.name}
            self._entries.append(Entry("account_renamed", account=listed, details=names))
        if listed.archived and not former.archived:
            self.archived.add(listed.id)
            archived_at = self._change.now
            self._entries.append(Entry("account_archived", account=listed))
        if former.archived and not listed.archived:
            archived_at = None
            self._entries.append(Entry("account_restored", account=listed))
        named = {"name": listed.name, "name_casefolded": listed.name.casefold()}
        self._rows.append(row | named | {"archived_at": archived_at})


def _as_listed(row: dict[str, Any]) -> ListedAccount:
    return ListedAccount(row["id"], row["name"], row["archived_at"] is not None)
