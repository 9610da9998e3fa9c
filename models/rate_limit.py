"""Counts for rate limits."""

from datetime import datetime

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class RateLimit(Base):
    """Recent attempts of one client at one thing; ``key`` names both.

    :ivar hits: the times of the attempts, in seconds since 1970, the earliest first
    :ivar expires_at: when all of them have left the limit's window
    """

    __tablename__ = "rate_limits"

    key: Mapped[str] = mapped_column(primary_key=True)
    hits: Mapped[list[float]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(index=True)
