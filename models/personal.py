"""Marks of the columns that tell of a person: ``models/blanking.py`` follows them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

ERASED = "(erased)"  # in place of the name of a person who was erased

_KEY = "personal"


@dataclass(frozen=True, slots=True)
class Personal:
    """What a column tells of a person, in a row that outlives them.

    Rows of a table with a ``membership_id`` need no marks: they are deleted with the member.

    :ivar of: the columns that hold the person's user id
    :ivar becomes: the value once the person is erased
    :ivar kinds: the kinds of event in which the column tells of them; None for all
    """

    of: tuple[str, ...]
    becomes: Any
    kinds: Collection[str] | None


def personal(
    *of: str, becomes: Any = None, kinds: Collection[str] | None = None
) -> dict[str, Personal]:
    """The ``info`` of a column that tells of a person."""
    return {_KEY: Personal(of, becomes, kinds)}


def mark_of(info: dict[Any, Any]) -> Personal | None:
    """The mark in a column's ``info``."""
    mark: Personal | None = info.get(_KEY)
    return mark
