"""The audit log: what admins change, and who signs in and out.

It answers who gave somebody access, when, and who signed in with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, insert, literal, select
from sqlalchemy.orm import Session

from models import AuditEvent, Membership
from models.few_trips import later
from services.change import Change

_KEEP = insert(AuditEvent).inline()


class AboutMember(Protocol):
    """The member whom an event is about."""

    @property
    def user_id(self) -> UUID: ...
    @property
    def display_name(self) -> str: ...


class AboutAccount(Protocol):
    """The account that an event is about."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened to one account or member, of many."""

    kind: str
    member: AboutMember | None = None
    account: AboutAccount | None = None
    details: dict[str, Any] = field(default_factory=dict)


def record(
    change: Change,
    kind: str,
    *,
    actor: Membership | None,
    member: AboutMember | None = None,
    account: AboutAccount | None = None,
    details: dict[str, Any] | None = None,
    address: str | None = None,
) -> None:
    """Record an event, in the transaction of the change itself. No snapshot shows it.

    :param actor: who did it; None for an operator's command, and for a refused sign-in
    :param member: the member whom the event is about
    :param account: the account that the event is about
    :param details: further facts, as JSON; never a code
    :param address: the client's (``routes/addresses.py``), where somebody signs in or out
    """
    record_each(
        change,
        kind,
        [details or {}],
        actor=actor,
        member=member,
        account=account,
        address=address,
    )


def record_if(session: Session, conditions: Iterable[ColumnElement[bool]], **columns: Any) -> None:
    """Record an event with these columns if all conditions are true in the database.

    The caller has locked the org, as for any event.
    """
    values = [literal(value, AuditEvent.__table__.c[name].type) for name, value in columns.items()]
    session.execute(
        insert(AuditEvent).from_select(list(columns), select(*values).where(*conditions))
    )


def record_each(
    change: Change,
    kind: str,
    details: Sequence[dict[str, Any]],
    *,
    actor: Membership | None,
    member: AboutMember | None = None,
    account: AboutAccount | None = None,
    address: str | None = None,
) -> None:
    """Record several events that differ only in their details."""
    entries = [Entry(kind, member, account, each) for each in details]
    record_all(change, entries, actor=actor, address=address)


def record_all(
    change: Change,
    entries: Sequence[Entry],
    *,
    actor: Membership | None,
    address: str | None = None,
) -> None:
    """Record what one request or command did to many, in this order."""
    alike = {
        "org_id": change.org.id,
        "actor_id": actor.user_id if actor else None,
        "actor_name": actor.display_name if actor else None,
        "address": address,
        "occurred_at": change.now,
    }
    events = [
        {
            **alike,
            "kind": entry.kind,
            "user_id": entry.member.user_id if entry.member else None,
            "display_name": entry.member.display_name if entry.member else None,
            "account_id": entry.account.id if entry.account else None,
            "account_name": entry.account.name if entry.account else None,
            "details": entry.details,
        }
        for entry in entries
    ]
    if events:
        later(change.session, _KEEP, events)
