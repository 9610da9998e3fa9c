"""Who is on which account now."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from models.base import Base, Id, OrgId


class KeptInHistory:
    """What a presence has, and each of its events keeps as it was then."""

    account_id: Mapped[UUID]
    # Where an `expire` ends the working time.
    last_heartbeat_at: Mapped[datetime]


class Presence(KeptInHistory, Base):
    """One member on one account. The two unique constraints are the rules of the product."""

    __tablename__ = "account_presence"
    __table_args__ = (
        UniqueConstraint("account_id"),
        UniqueConstraint("user_id", "org_id"),
        ForeignKeyConstraint(["account_id", "org_id"], ["accounts.id", "accounts.org_id"]),
        ForeignKeyConstraint(
            ["membership_id", "user_id", "org_id"],
            ["memberships.id", "memberships.user_id", "memberships.org_id"],
        ),
        Index(None, "org_id", "last_heartbeat_at"),
    )

    id: Mapped[Id]
    org_id: Mapped[OrgId]
    user_id: Mapped[UUID]
    membership_id: Mapped[UUID]
    clocked_in_at: Mapped[datetime]
    stale_since: Mapped[datetime | None]
