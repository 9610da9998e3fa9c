"""The history: what happened to presences, and who did it."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OrgId
from models.personal import ERASED, personal
from models.presence import KeptInHistory

CLOCK_EVENT_KINDS = ("clock_in", "switch", "clock_out", "force_clear", "stale", "resume", "expire")


class ClockEvent(KeptInHistory, Base):
    """One event. Rows are only added; erasing a person blanks who it was, not what happened.

    ``user_id`` and ``display_name`` are those at the time, and are no foreign keys: the history
    outlives the people in it.
    """

    __tablename__ = "clock_events"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "org_id"], ["accounts.id", "accounts.org_id"]),
        CheckConstraint(f"kind IN {CLOCK_EVENT_KINDS}", name="kind"),
        Index(None, "org_id", "seq"),
        # The pages of services/event_pages.py.
        Index(None, "org_id", "occurred_at"),
        Index(None, "account_id", "org_id", "occurred_at", "seq", "user_id"),
        Index(None, "user_id", "org_id", "occurred_at"),
        Index(None, "org_id", "kind", "occurred_at"),
        Index(None, "presence_id"),
        Index(None, "from_presence_id"),
    )

    # Assigned under the org's lock, so it is in the order of the org's events.
    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    id: Mapped[UUID] = mapped_column(default=uuid4, unique=True)
    org_id: Mapped[OrgId]
    kind: Mapped[str]
    account_name: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(info=personal("user_id"))
    display_name: Mapped[str] = mapped_column(info=personal("user_id", becomes=ERASED))
    presence_id: Mapped[UUID]
    actor_id: Mapped[UUID | None] = mapped_column(info=personal("actor_id"))
    # An admin may have written about the person.
    reason: Mapped[str | None] = mapped_column(info=personal("user_id"))
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(BigInteger)
    from_account_id: Mapped[UUID | None]
    from_presence_id: Mapped[UUID | None]
