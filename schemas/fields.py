"""Fields that the contract has everywhere: ids, times, names."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate

from services.times import rfc3339

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.IGNORECASE | re.ASCII
)
_DIGITS = re.compile(r"[0-9]{1,12}")
NAME_LENGTH = 200  # contract.md, "Administration"
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_WITHOUT_WHITESPACE = str.maketrans("", "", "\t\n\r")


def is_id(value: Any) -> TypeGuard[str]:
    """Whether this is what :class:`Id` takes."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


class Id(fields.UUID):
    """A UUID in its usual form of 36 characters."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> UUID:
        if not is_id(value):
            raise self.make_error("invalid_uuid")
        return UUID(value)


class Timestamp(fields.AwareDateTime):
    """An RFC 3339 time, read as UTC and written with three decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        if not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
            raise self.make_error("invalid", input=value, obj_type="datetime")
        moment = super()._deserialize(value.upper(), attr, data, **kwargs)
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            # At the edge of what a date can be; it is clamped anyway.
            edge = datetime.min if moment.year == 1 else datetime.max
            return edge.replace(tzinfo=UTC)

    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any
    ) -> str | None:
        return None if value is None else rfc3339(value)


class Flag(fields.Boolean):
    """JSON's ``true`` or ``false``, and nothing that is merely like it."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Number(fields.Integer):
    """A whole number in a query: its digits alone."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if not (isinstance(value, str) and _DIGITS.fullmatch(value)):
            raise self.make_error("invalid")
        return int(value)


def switch(description: str) -> fields.Boolean:
    """``true`` or ``false`` in a query; false where it is left out."""
    return fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        load_default=False,
        metadata={"description": description},
    )


def without_control_characters(text: str) -> None:
    """Refuse what no database stores and no terminal should print.

    :raises ValidationError: a control character or half of a surrogate pair
    """
    if _CONTROL_CHARACTER.search(text):
        raise ValidationError("Control characters are not allowed.")


def text(most: int, description: str) -> fields.String:
    """Free text of so many characters: it may have tabs and several lines."""
    pattern = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
    return fields.String(
        validate=[
            validate.Length(max=most),
            lambda text: without_control_characters(text.translate(_WITHOUT_WHITESPACE)),
        ],
        metadata={"pattern": pattern, "description": description},
    )


def is_name(value: Any) -> TypeGuard[str]:
    """Whether this is what :func:`name` takes."""
    return (
        isinstance(value, str)
        and 1 <= len(value) <= NAME_LENGTH
        and _CONTROL_CHARACTER.search(value) is None
    )


def name(**kwargs: Any) -> fields.String:
    """The name of a person or an account."""
    return fields.String(
        validate=[validate.Length(min=1, max=NAME_LENGTH), without_control_characters],
        metadata={"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"},
        **kwargs,
    )


def next_of_whole() -> fields.String:
    """``next`` of a list that always comes whole: null."""
    return fields.String(required=True, allow_none=True)


class Empty(Schema):
    """A body of ``{}``."""
