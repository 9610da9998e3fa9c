"""People, and their memberships in orgs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, OrgId
from models.roles import ROLES


class User(Base):
    """A person, who may be a member of several orgs."""

    __tablename__ = "users"

    id: Mapped[Id]
    created_at: Mapped[datetime]


class Membership(Base):
    """A user in an org, with one of the roles in ``models/roles.py``.

    :ivar token_generation: the only one of which our own tokens are valid
    :ivar tokens_valid_from: an issuer's tokens that are older have been revoked
    """

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("org_id", "user_id"),
        UniqueConstraint("id", "org_id"),
        UniqueConstraint("id", "user_id", "org_id"),
        CheckConstraint(f"role IN {tuple(ROLES)}", name="role"),
    )

    id: Mapped[Id]
    org_id: Mapped[OrgId]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    display_name: Mapped[str]
    role: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    token_generation: Mapped[int] = mapped_column(default=0)
    tokens_valid_from: Mapped[datetime | None]
    created_at: Mapped[datetime]
