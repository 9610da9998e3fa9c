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
        self._changed: dict[UUID, ListedAccount] = {}
        self.counts = AccountCounts()
        if listed is not None:
            self._compare(listed, prune=prune)

    def _compare(self, listed: Sequence[ListedAccount], *, prune: bool) -> None:
        there = self._there(None if prune else [each.id for each in listed])
        unchanged, new = 0, []
        for each in listed:
            former = there.pop(each.id, None)
            if former is None:
                new.append(each)
            elif each == former:
                unchanged += 1
            else:
                self._alter(former, each)
        for former in there.values() if prune else ():
            if not former.archived:
                self._alter(former, former._replace(archived=True))
        self._make(new)
        self.counts = AccountCounts(
            created=len(new),
            changed=len(self._changed) - len(self.archived),
            archived=len(self.archived),
            unchanged=unchanged,
        )

    def apply(self, actor: Membership | None) -> None:
        """Change those that differ; the audit log tells of these, and of those that were made."""
        rows = bulk.whole_rows(self._change, Account.id, self._changed)
        changed = [row | self._values(row, self._changed[row["id"]]) for row in rows]
        bulk.update(self._change, Account, changed, ("name", "name_casefolded", "archived_at"))
        if self._entries:
            self._change.accounts_changed()
        audit_log.record_all(self._change, self._entries, actor=actor)

    def _there(self, ids: Sequence[UUID] | None) -> dict[UUID, ListedAccount]:
        """The org's accounts, these among them, by id: all where ``ids`` is None."""
        columns = (Account.id, Account.name, Account.archived_at.is_not(None).label("archived"))
        rows = self._change.session.execute(
            select(*columns).where(*bulk.of_org(self._change, Account.id, ids))
        )
        return {row.id: ListedAccount(row.id, row.name, row.archived) for row in rows}

    def _values(self, row: dict[str, Any], listed: ListedAccount) -> dict[str, Any]:
        archived_at = (row["archived_at"] or self._change.now) if listed.archived else None
        return {
            "name": listed.name,
            "name_casefolded": listed.name.casefold(),
            "archived_at": archived_at,
        }

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

    def _alter(self, former: ListedAccount, listed: ListedAccount) -> None:
        self._changed[listed.id] = listed
        if listed.name != former.name:
            names = {"from": former.name, "to": listed.name}
            self._entries.append(Entry("account_renamed", account=listed, details=names))
        if listed.archived and not former.archived:
            self.archived.add(listed.id)
            self._entries.append(Entry("account_archived", account=listed))
        if former.archived and not listed.archived:
            self._entries.append(Entry("account_restored", account=listed))
