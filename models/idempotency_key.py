"""The answer that was given for each Idempotency-Key."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OrgId


class IdempotencyKey(Base):
    """The first answer for a member's key, stored for seven days."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        ForeignKeyConstraint(["membership_id", "org_id"], ["memberships.id", "memberships.org_id"]),
    )

    membership_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    org_id: Mapped[OrgId]
    digest: Mapped[bytes]
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(index=True)
