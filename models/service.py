"""What the services of an org may do, and when each was last used."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, OrgId


class Service(Base):
    """What a membership with the role ``service`` has beside it.

    :ivar scope: the names of its scopes, separated by spaces
    :ivar last_used_at: to the minute
    """

    __tablename__ = "services"
    __table_args__ = (
        # The previous release deletes members without knowing of services.
        ForeignKeyConstraint(
            ["membership_id", "org_id"],
            ["memberships.id", "memberships.org_id"],
            ondelete="CASCADE",
        ),
    )

    membership_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[OrgId] = mapped_column(index=True)
    scope: Mapped[str]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
