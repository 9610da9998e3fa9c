"""Access codes. Only a keyed digest of each is stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, OrgId


class AccessCode(Base):
    """A code that a member signs in with, until it expires or is revoked.

    :ivar account_id: the only account that the code is for; None for all
    """

    __tablename__ = "access_codes"
    __table_args__ = (
        ForeignKeyConstraint(["membership_id", "org_id"], ["memberships.id", "memberships.org_id"]),
        ForeignKeyConstraint(["account_id", "org_id"], ["accounts.id", "accounts.org_id"]),
        Index(None, "membership_id", "org_id"),
        Index(None, "account_id", "org_id"),
        Index(None, "id", "org_id", unique=True),
    )

    id: Mapped[Id]
    org_id: Mapped[OrgId]
    membership_id: Mapped[UUID]
    account_id: Mapped[UUID | None]
    digest: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
