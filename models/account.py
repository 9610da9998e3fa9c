"""Client accounts."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from models.base import Base, Id, OrgId


class Account(Base):
    """A client account that one member at a time works on; archived ones keep their name."""

    __tablename__ = "accounts"
    __table_args__ = (
        UniqueConstraint("id", "org_id"),
        Index(None, "org_id", "name_casefolded"),
    )

    id: Mapped[Id]
    org_id: Mapped[OrgId]
    name: Mapped[str]
    name_casefolded: Mapped[str]
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    @property
    def is_archived(self) -> bool:
        """Whether nobody may clock in there."""
        return self.archived_at is not None
