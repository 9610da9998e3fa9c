"""The versions of an org, by name."""

from typing import Any, NamedTuple

from sqlalchemy.orm import InstrumentedAttribute

from models.org import Org


class Versions(NamedTuple):
    version: int
    va_version: int
    accounts_version: int
    members_version: int

    @classmethod
    def of(cls, found: Any) -> "Versions":
        """Those of an :class:`Org`, or of a row that has them."""
        return cls(**{name: getattr(found, name) for name in cls._fields})

    @classmethod
    def columns(cls) -> "list[InstrumentedAttribute[int]]":
        return [getattr(Org, name) for name in cls._fields]
