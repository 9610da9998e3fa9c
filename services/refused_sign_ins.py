"""Refused sign-ins with a known code, which the audit log shows to admins.

For an unknown code the database runs the same statements, so that every refusal takes equally long;
for a known code it inserts one row more.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from models import AccessCode, Account, AuditEvent, Membership, Org
from services import access_codes, audit_log
from settings import Settings

# Repeating a revoked code for hours must not fill the table.
WITHIN = timedelta(seconds=60)
MOST_OF_A_CODE = 10  # and one from an address


class Known(NamedTuple):
    """A code, and whose it is."""

    code_id: UUID
    org_id: UUID
    expires_at: datetime | None
    revoked_at: datetime | None
    membership_id: UUID
    is_active: bool
    user_id: UUID
    display_name: str
    account_id: UUID | None
    account_name: str | None


class Refused(NamedTuple):
    """Why a sign-in was refused.

    :ivar reason: ``revoked``, ``expired``, ``deactivated``, ``not_allowed``, or ``unknown``, which
        has no ids
    """

    reason: str
    code_id: UUID | None = None
    member_id: UUID | None = None


NIL = UUID(int=0)
NOBODY = Known(NIL, NIL, None, None, NIL, True, NIL, "", None, None)
UNKNOWN = Refused("unknown")


def record(
    session: Session,
    typed: str,
    *,
    address: str | None,
    settings: Settings,
    clock: Callable[[], datetime],
    reason: str | None = None,
) -> Refused:
    """Find out why a code was refused, and record the refusal if the code is known.

    :param address: the client's
    :param reason: why, if the code itself is valid
    """
    found = _find(session, typed, settings)
    known = found or NOBODY
    session.execute(select(Org.id).where(Org.id == known.org_id).with_for_update(key_share=True))
    now = clock()
    reason = reason or _fault_of(known, now) or "unknown"
    _record(session, known, reason, is_known=found is not None, address=address, now=now)
    return Refused(reason, known.code_id, known.membership_id) if found else UNKNOWN


def _find(session: Session, typed: str, settings: Settings) -> Known | None:
    row = session.execute(
        select(
            AccessCode.id.label("code_id"),
            AccessCode.org_id,
            AccessCode.expires_at,
            AccessCode.revoked_at,
            AccessCode.membership_id,
            Membership.active.label("is_active"),
            Membership.user_id,
            Membership.display_name,
            AccessCode.account_id,
            Account.name.label("account_name"),
        )
        .join(Membership, Membership.id == AccessCode.membership_id)
        .outerjoin(Account, Account.id == AccessCode.account_id)
        .where(AccessCode.digest.in_(access_codes.digests_of(typed, settings)))
    ).one_or_none()
    return None if row is None else Known(**row._mapping)


def _fault_of(known: Known, now: datetime) -> str | None:
    if known.revoked_at is not None:
        return "revoked"
    if known.expires_at is not None and known.expires_at <= now:
        return "expired"
    return None if known.is_active else "deactivated"


def _record(
    session: Session,
    known: Known,
    reason: str,
    *,
    is_known: bool,
    address: str | None,
    now: datetime,
) -> None:
    """Record it, unless enough were recorded lately."""
    lately = (
        select(func.count())
        .select_from(AuditEvent)
        .where(
            AuditEvent.org_id == known.org_id,
            AuditEvent.kind == "sign_in_refused",
            AuditEvent.occurred_at > now - WITHIN,
            AuditEvent.details["code_id"].as_string() == str(known.code_id),
        )
    )
    audit_log.record_if(
        session,
        (
            literal(is_known),
            lately.scalar_subquery() < MOST_OF_A_CODE,
            lately.where(AuditEvent.address.is_not_distinct_from(address)).scalar_subquery() == 0,
        ),
        org_id=known.org_id,
        kind="sign_in_refused",
        user_id=known.user_id,
        display_name=known.display_name,
        account_id=known.account_id,
        account_name=known.account_name,
        details={"code_id": str(known.code_id), "reason": reason},
        address=address,
        occurred_at=now,
    )
