"""Sessions of members, which begin when they sign in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.audit_event import ADDRESS_LENGTH
from models.base import Base, Id, OrgId

ENDINGS = ("signed_out", "revoked")
USER_AGENT_LENGTH = 200
_HAS_ENDED = text("ended_at IS NOT NULL")


class MemberSession(Base):
    """One session. All its tokens end with it; the row is deleted after the last one has expired.

    :ivar access_code_id: the code that began it; None for an operator's command
    :ivar account_id: the only account that it is for; None for all
    :ivar created_at: when the member signed in: the tokens' ``auth_time``
    :ivar renewable_until: no token of the session is valid for longer
    :ivar expires_at: when its newest token expires
    :ivar ended_reason: the ``reason`` that a refused token is answered with
    """

    __tablename__ = "sessions"
    __table_args__ = (
        # The previous release deletes members and codes without knowing of sessions.
        ForeignKeyConstraint(
            ["membership_id", "org_id"],
            ["memberships.id", "memberships.org_id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["access_code_id", "org_id"],
            ["access_codes.id", "access_codes.org_id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(["account_id", "org_id"], ["accounts.id", "accounts.org_id"]),
        CheckConstraint(f"ended_reason IN {ENDINGS}", name="ended_reason"),
        Index(None, "membership_id", "org_id"),
        Index(None, "access_code_id", "org_id"),
        Index(None, "account_id", "org_id"),
        Index(None, "expires_at"),
        # What memory reads: live/watch_cache.py.
        Index(
            "ix_sessions_ended",
            "org_id",
            "expires_at",
            sqlite_where=_HAS_ENDED,
            postgresql_where=_HAS_ENDED,
        ),
    )

    id: Mapped[Id]
    org_id: Mapped[OrgId]
    membership_id: Mapped[UUID]
    access_code_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    address: Mapped[str | None] = mapped_column(String(ADDRESS_LENGTH))
    user_agent: Mapped[str | None] = mapped_column(String(USER_AGENT_LENGTH))
    created_at: Mapped[datetime]
    last_renewed_at: Mapped[datetime | None]
    renewable_until: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]

    @property
    def begun_by(self) -> str:
        """What began it: ``access_code``, or ``command`` for an operator's."""
        return "command" if self.access_code_id is None else "access_code"
