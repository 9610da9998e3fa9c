"""Small worlds for tests, built through the services."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from models import Account, AuditEvent, Base, ClockEvent, MemberSession, Membership, Org, Presence
from models.database import Database
from models.reach import EVERY_ORG, Reach
from services import (
    access_codes,
    accounts,
    callers,
    clocking,
    ending_sessions,
    erasing,
    expiry,
    members,
    orgs,
    presences,
    sessions,
    tokens,
)
from services.callers import Caller
from services.change import Change, changing
from services.presences import Held
from services.times import utc_now
from settings import Settings
from tests.support.requests import Requests

Dump = dict[str, list[str]]


def ago(seconds: float) -> datetime:
    """So many seconds before now."""
    return utc_now() - timedelta(seconds=seconds)


def dump(database: Database) -> Dump:
    """Every row of every table, to compare before and after.

    But for the counts of rate limits: refused requests count too.
    """
    with database.read(EVERY_ORG) as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in session.execute(select(table)))
            for table in Base.metadata.sorted_tables
            if table.name != "rate_limits"
        }


@dataclass
class World(Requests):
    """One org. Services are called in transactions of their own, each committed."""

    database: Database
    settings: Settings
    name: str = "Test Bookkeeping"
    id: UUID = field(init=False)
    _sessions: dict[UUID, MemberSession] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.database.write(EVERY_ORG) as session:
            self.id = orgs.create(session, self.name, now=utc_now()).id

    def erase_org(self) -> None:
        """As the operator's command does, which is the owner's."""
        with self.changing(as_who=EVERY_ORG) as change:
            erasing.erase_org(change)

    @contextmanager
    def changing(
        self, now: datetime | None = None, as_who: Reach | None = None
    ) -> Iterator[Change]:
        """:param as_who: ``EVERY_ORG`` for an operator"""
        with (
            self.database.write(as_who or self.id) as session,
            changing(
                session, self.id, settings=self.settings, clock=lambda: now or utc_now()
            ) as change,
        ):
            yield change

    def account(self, name: str = "Acme Dental") -> Account:
        with self.changing() as change:
            return accounts.add(change, name, actor=None)

    def admin(self, name: str = "Maya Chen") -> Membership:
        return self._member(name, "admin")

    def va(self, name: str = "Ana Reyes") -> Membership:
        return self._member(name, "va")

    def _member(self, name: str, role: str) -> Membership:
        with self.changing() as change:
            member = members.add(change, display_name=name, role=role, actor=None)
            self._begin(change, member)
            return member

    def _begin(self, change: Change, member: Membership) -> MemberSession:
        """A session, in no log: what a test changes is what it finds changed."""
        self._sessions[member.id], _ = sessions.begin(change, member)
        return self._sessions[member.id]

    def member_now(self, member: Membership) -> Membership:
        """The membership as the database has it now."""
        with self.database.read(EVERY_ORG) as session:
            found = members.find(session, member.id)
            assert found is not None
            session.expunge(found)
            return found

    def token(
        self,
        member: Membership,
        *,
        account: Account | None = None,
        ttl_seconds: int | None = None,
        now: datetime | None = None,
    ) -> str:
        """A token of the member's session, which was begun with them.

        :param account: of another one, for this account alone
        :param now: of another one, begun then
        """
        found, session = self.member_now(member), self._session_of(member)
        if account is not None:
            with self.changing(now) as change:
                code, _ = access_codes.issue(change, found, actor=None, account=account)
                session, _ = sessions.begin(change, found, code=code)
        elif session is None or now is not None:
            with self.changing(now) as change:
                session = self._begin(change, found)
        at = now or utc_now()
        ttl = self.settings.token_ttl if ttl_seconds is None else ttl_seconds
        ends_at = at + timedelta(seconds=ttl)
        return tokens.issue(found, session, expires_at=ends_at, settings=self.settings, now=at).raw

    def _session_of(self, member: Membership) -> MemberSession | None:
        known = self._sessions.get(member.id)
        with self.database.read(EVERY_ORG) as session:
            found = session.get(MemberSession, known.id) if known else None
            return known if found is not None and found.ended_at is None else None

    def bearer(self, member: Membership, **options: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(member, **options)}"}

    def code(self, member: Membership, **options: Any) -> str:
        with self.changing() as change:
            return access_codes.issue(change, member, actor=None, **options)[1]

    def org(self) -> Org:
        """The org as the database has it now."""
        with self.database.read(EVERY_ORG) as session:
            found = session.get_one(Org, self.id)
            session.expunge(found)
            return found

    def versions(self) -> tuple[int, int, int]:
        """Of the admin view, the va view, and the accounts."""
        org = self.org()
        return org.version, org.va_version, org.accounts_version

    def clock_in(
        self, member: Membership, account: Account, now: datetime | None = None, **options: Any
    ) -> Held:
        held: Held = self.as_caller(
            member,
            lambda change, caller: (
                clocking.clock_in(change, caller, account_id=account.id, **options).held
            ),
            now,
            options.get("key"),
        )
        return held

    def as_caller(
        self,
        member: Membership,
        act: Callable[[Change, Caller], Any],
        now: datetime | None = None,
        key: str | None = None,
    ) -> Any:
        """Let ``member`` do something at ``now``."""
        token = tokens.verify(self.token(member), self.settings, now=utc_now())
        with self.changing(now) as change:
            return act(change, callers.by_token(change.session, token, key=key))

    def clock_out(
        self, member: Membership, now: datetime | None = None, **options: Any
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self.as_caller(
            member,
            lambda change, caller: clocking.clock_out(change, caller, **options),
            now,
            options.get("key"),
        )
        return answer

    def force_clear(self, admin: Membership, account: Account, **options: Any) -> None:
        self.as_caller(
            admin,
            lambda change, caller: clocking.force_clear(change, caller, account.id, **options),
        )

    def sweep(self, now: datetime | None = None) -> tuple[int, int]:
        """How many presences became stale, and how many ended."""
        with self.changing(now) as change:
            return expiry.sweep(change)

    def stale(self, member: Membership, account: Account, seconds: float = 600) -> Held:
        """A presence without a heartbeat for so many seconds, swept."""
        held = self.clock_in(member, account, ago(seconds))
        assert self.sweep() == (1, 0)
        return held

    def expired(self, member: Membership, account: Account) -> Held:
        """A presence that ran out some seconds ago, and that nothing has met since."""
        return self.clock_in(member, account, ago(self.settings.expire_after + 100))

    def archive(self, account: Account) -> None:
        with self.changing() as change:
            found = accounts.find(change.session, self.id, account.id)
            accounts.amend(change, found, actor=None, archived=True)

    def rename_account(self, account: Account, name: str) -> None:
        with self.changing() as change:
            found = accounts.find(change.session, self.id, account.id)
            accounts.amend(change, found, actor=None, name=name)

    @contextmanager
    def changing_member(self, member: Membership) -> Iterator[tuple[Change, Membership]]:
        with self.changing() as change:
            found = members.find(change.session, member.id)
            assert found is not None
            yield change, found

    def rename_member(self, member: Membership, name: str) -> None:
        with self.changing_member(member) as (change, found):
            members.amend(change, found, actor=None, display_name=name)

    def change_role(self, member: Membership, role: str) -> None:
        with self.changing_member(member) as (change, found):
            members.amend(change, found, actor=None, role=role)

    def deactivate(self, member: Membership) -> None:
        with self.changing_member(member) as (change, found):
            members.amend(change, found, actor=None, active=False)

    def revoke_tokens(self, member: Membership) -> None:
        with self.changing_member(member) as (change, found):
            members.revoke_tokens(change, found, actor=None)

    def sign_out(self, member: Membership) -> None:
        """End the session that the member's tokens are of."""
        with self.changing_member(member) as (change, found):
            ending_sessions.sign_out(change, found, self._sessions[member.id].id)

    def end_session(self, member: Membership) -> None:
        """End it as an admin."""
        with self.changing_member(member) as (change, found):
            ending_sessions.revoke(change, found, self._sessions[member.id].id, actor=None)

    def erase(self, member: Membership) -> None:
        with self.changing_member(member) as (change, found):
            erasing.erase_member(change, found)

    def held(self) -> list[Held]:
        """The presences that the database has, by account."""
        with self.changing() as change:
            return presences.held_where(change, Presence.org_id == self.id)

    def events(self) -> list[ClockEvent]:
        """The history, oldest first."""
        with self.database.read(EVERY_ORG) as session:
            found = session.scalars(
                select(ClockEvent).where(ClockEvent.org_id == self.id).order_by(ClockEvent.seq)
            ).all()
            session.expunge_all()
            return list(found)

    def log(self) -> list[AuditEvent]:
        """The audit log, oldest first."""
        with self.database.read(EVERY_ORG) as session:
            found = session.scalars(
                select(AuditEvent).where(AuditEvent.org_id == self.id).order_by(AuditEvent.seq)
            ).all()
            session.expunge_all()
            return list(found)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events()]
