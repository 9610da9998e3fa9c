"""The audit log: what admins changed, who signed in and out, and who was refused."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OrgId
from models.personal import ERASED, personal

AUDIT_EVENT_KINDS = (
    "account_added",
    "account_renamed",
    "account_archived",
    "account_restored",
    "member_added",
    "member_renamed",
    "member_role_changed",
    "member_deactivated",
    "member_reactivated",
    "member_erased",
    "code_issued",
    "code_revoked",
    "token_issued",
    "tokens_revoked",
    "signed_in",
    "sign_in_refused",
    "signed_out",
    "session_ended",
    "service_added",
    "service_removed",
)
ADDRESS_LENGTH = 45  # of an IPv6 address with an IPv4 one at its end


class AuditEvent(Base):
    """One event. Rows are only added; erasing a person blanks who it was, not what happened.

    The columns for whom or what the event is about have the history's names: ``user_id`` and
    ``display_name`` for a member, ``account_id`` and ``account_name`` for an account, and all four
    for a code that is for one account. The names are those at the time. ``actor_id`` and
    ``actor_name`` say who did it: an admin, or the member who signed in or out. They are null for
    an operator's command, and for a refused sign-in, because a code does not prove who typed it.
    ``details`` never holds a code. ``address`` is the client's, for sign-ins and sign-outs.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "org_id"], ["accounts.id", "accounts.org_id"]),
        CheckConstraint(f"kind IN {AUDIT_EVENT_KINDS}", name="kind"),
        Index(None, "org_id", "seq"),
        # The pages of services/event_pages.py.
        Index(None, "org_id", "occurred_at"),
        Index(None, "account_id", "org_id", "occurred_at", "seq", "user_id"),
        Index(None, "user_id", "org_id", "occurred_at"),
        Index(None, "org_id", "kind", "occurred_at"),
    )

    # Assigned under the org's lock, so it is in the order of the org's events.
    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    id: Mapped[UUID] = mapped_column(default=uuid4, unique=True)
    org_id: Mapped[OrgId]
    kind: Mapped[str]
    actor_id: Mapped[UUID | None] = mapped_column(info=personal("actor_id"))
    actor_name: Mapped[str | None] = mapped_column(info=personal("actor_id", becomes=ERASED))
    user_id: Mapped[UUID | None] = mapped_column(info=personal("user_id"))
    display_name: Mapped[str | None] = mapped_column(info=personal("user_id", becomes=ERASED))
    account_id: Mapped[UUID | None]
    account_name: Mapped[str | None]
    # A renaming has both names.
    details: Mapped[dict[str, Any]] = mapped_column(
        JSON, info=personal("user_id", becomes={}, kinds=("member_renamed",))
    )
    address: Mapped[str | None] = mapped_column(
        String(ADDRESS_LENGTH), info=personal("user_id", "actor_id")
    )
    occurred_at: Mapped[datetime]
