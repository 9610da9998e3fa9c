"""The last good keys of each trusted issuer, which the processes share."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

ISSUER_LENGTH = 255


class StoredKeys(Base):
    """It belongs to no org, and holds public keys alone.

    :ivar keys: of the last reading that succeeded; empty before the first
    :ivar read_at: when that was
    :ivar tried_at: when a process last began a reading
    :ivar wanted_at: when one last began because a token named a key that was not known
    """

    __tablename__ = "issuer_keys"

    issuer: Mapped[str] = mapped_column(String(ISSUER_LENGTH), primary_key=True)
    keys: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    read_at: Mapped[datetime | None]
    tried_at: Mapped[datetime]
    wanted_at: Mapped[datetime | None]
