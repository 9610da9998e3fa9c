"""Who has tried too often lately."""

from datetime import datetime

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class RateLimit(Base):
    """What one client did lately of what may not be done often; ``key`` names both.

    :ivar hits: when, in seconds since 1970, the earliest first
    :ivar expires_at: when the row says nothing any more
    """

    __tablename__ = "rate_limits"

    key: Mapped[str] = mapped_column(primary_key=True)
    hits: Mapped[list[float]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(index=True)
