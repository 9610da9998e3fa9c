"""The audit log: what admins change, and who signs in and out.

It answers who gave somebody access, when, and who signed in with it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, insert, literal, select
from sqlalchemy.orm import Session

from models import Account, AuditEvent, Membership
from services.change import Change


def record(
    change: Change,
    kind: str,
    *,
    actor: Membership | None,
    member: Membership | None = None,
    account: Account | None = None,
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
    member: Membership | None = None,
    account: Account | None = None,
    address: str | None = None,
) -> None:
    """Record several events that differ only in their details."""
    alike = {
        "org_id": change.org.id,
        "kind": kind,
        "actor_id": actor.user_id if actor else None,
        "actor_name": actor.display_name if actor else None,
        "user_id": member.user_id if member else None,
        "display_name": member.display_name if member else None,
        "account_id": account.id if account else None,
        "account_name": account.name if account else None,
        "address": address,
        "occurred_at": change.now,
    }
    if details:
        events = [{**alike, "details": each} for each in details]
        change.session.execute(insert(AuditEvent), events)
