"""An org, and the versions of what its viewers see."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id
from models.views import View


class Org(Base):
    """Everything belongs to one org. Only ``services/change.py`` raises its versions."""

    __tablename__ = "orgs"

    id: Mapped[Id]
    name: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(BigInteger)
    va_version: Mapped[int] = mapped_column(BigInteger)
    accounts_version: Mapped[int] = mapped_column(BigInteger)
    members_version: Mapped[int] = mapped_column(BigInteger)

    def version_of(self, view: View) -> int:
        """The version of what ``view`` shows."""
        version: int = getattr(self, view.version_column)
        return version
