"""Members of the directory: who is listed, compared with who is there."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import insert, select

from models import Membership, User
from models.roles import ROLES
from services import audit_log, bulk, ending_sessions, members
from services.audit_log import Entry
from services.change import Change
from services.errors import IdTaken, LastAdmin


class ListedMember(NamedTuple):
    user_id: UUID
    display_name: str
    role: str
    active: bool


class MemberCounts(NamedTuple):
    """Each member is counted once: who is deactivated is not counted as changed too."""

    created: int = 0
    changed: int = 0
    deactivated: int = 0
    unchanged: int = 0


class MemberPlan:
    """The listed members who are not as they should be.

    :param prune: deactivate the members who are not listed
    :ivar deactivated: the user ids of those who are deactivated
    :ivar renamed: the user ids of those who get another name
    :raises IdTaken: a user id is a service's
    """

    def __init__(
        self, change: Change, listed: Sequence[ListedMember] | None, *, prune: bool
    ) -> None:
        self._change = change
        self.deactivated: set[UUID] = set()
        self.renamed: set[UUID] = set()
        self._new: list[ListedMember] = []
        self._changed: dict[UUID, ListedMember] = {}
        self._entries: list[Entry] = []
        self._former_admins: set[UUID] = set()
        self._has_new_admin = False
        self.counts = MemberCounts()
        if listed is not None:
            self._compare(listed, prune=prune)

    def _compare(self, listed: Sequence[ListedMember], *, prune: bool) -> None:
        there = self._there(None if prune else [each.user_id for each in listed])
        unchanged = 0
        for each in listed:
            former = there.pop(each.user_id, None)
            if former is None:
                self._add(each)
            elif not ROLES[former.role].is_person:
                raise IdTaken(each.user_id)
            elif each == former:
                unchanged += 1
            else:
                self._alter(former, each)
        for former in there.values() if prune else ():
            if former.active and ROLES[former.role].is_person:
                self._alter(former, former._replace(active=False))
        self.counts = MemberCounts(
            created=len(self._new),
            changed=len(self._changed) - len(self.deactivated),
            deactivated=len(self.deactivated),
            unchanged=unchanged,
        )

    def raise_if_no_admin_is_left(self) -> None:
        """An org that has no admin now is not refused for it.

        :raises LastAdmin: it has one, and would have none
        """
        if self._former_admins and not self._has_new_admin:
            admins = select(Membership.user_id).where(*members.is_admin_of(self._change.org.id))
            if self._former_admins.issuperset(self._change.session.scalars(admins)):
                raise LastAdmin

    def apply(self, actor: Membership | None, *, visibly: bool) -> None:
        """Make the new ones and change those that differ, with the audit log.

        :param visibly: somebody is renamed who is on an account
        """
        self._make()
        rows = bulk.whole_rows(self._change, Membership.user_id, self._changed)
        changed = [row | self._values(row) for row in rows]
        columns = ("display_name", "role", "active", "token_generation", "tokens_valid_from")
        bulk.update(self._change, Membership, changed, columns)
        if self._entries:
            self._change.members_changed(visibly=visibly)
        audit_log.record_all(self._change, self._entries, actor=actor)
        gone = {
            row["id"]: self._changed[row["user_id"]]
            for row in rows
            if row["user_id"] in self.deactivated
        }
        ending_sessions.forget_sessions_of(self._change, gone, actor=actor)

    def _there(self, ids: Sequence[UUID] | None) -> dict[UUID, ListedMember]:
        """The org's members and services, these among them, by user id: all for None."""
        columns = [getattr(Membership, name) for name in ListedMember._fields]
        rows = self._change.session.execute(
            select(*columns).where(*bulk.of_org(self._change, Membership.user_id, ids))
        )
        return {row.user_id: ListedMember(**row._mapping) for row in rows}

    def _values(self, row: dict[str, Any]) -> dict[str, Any]:
        listed = self._changed[row["user_id"]]
        is_put_out = listed.user_id in self.deactivated
        tokens: dict[str, Any] = {"token_generation": row["token_generation"] + is_put_out}
        if is_put_out:
            tokens["tokens_valid_from"] = self._change.now
        return {**listed._asdict(), **tokens}

    def _add(self, new: ListedMember) -> None:
        self._new.append(new)
        self._tell("member_added", new, role=new.role)
        if not new.active:
            self._tell("member_deactivated", new)
        self._has_new_admin |= _administers(new)

    def _alter(self, former: ListedMember, listed: ListedMember) -> None:
        self._changed[listed.user_id] = listed
        if former.active and not listed.active:
            self.deactivated.add(listed.user_id)
            self._tell("member_deactivated", listed)
        if listed.display_name != former.display_name:
            self.renamed.add(listed.user_id)
            names = {"from": former.display_name, "to": listed.display_name}
            self._tell("member_renamed", listed, **names)
        if listed.role != former.role:
            self._tell("member_role_changed", listed, **{"from": former.role, "to": listed.role})
        if listed.active and not former.active:
            self._tell("member_reactivated", listed)
        if _administers(former) and not _administers(listed):
            self._former_admins.add(listed.user_id)
        self._has_new_admin |= _administers(listed) and not _administers(former)

    def _tell(self, kind: str, member: ListedMember, **details: str) -> None:
        self._entries.append(Entry(kind, member=member, details=details))

    def _make(self) -> None:
        now, org_id = self._change.now, self._change.org.id
        users = [{"id": new.user_id, "created_at": now} for new in self._new]
        bulk.insert_or_lock(self._change, User, users)  # they may be in another org too
        rows = [
            new._asdict()
            | {"id": uuid4(), "org_id": org_id, "token_generation": 0, "created_at": now}
            for new in self._new
        ]
        if rows:
            self._change.session.execute(insert(Membership), rows)


def _administers(member: ListedMember) -> bool:
    return member.active and ROLES[member.role].administers
