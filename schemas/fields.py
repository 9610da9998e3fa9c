"""Fields that the contract has everywhere: ids, times, names."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
NAME_LENGTH = 200  # contract.md, "Administration"


class Id(fields.UUID):
    """A UUID in its usual form of 36 characters."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> UUID:
        if not (isinstance(value, str) and _ID.fullmatch(value)):
            raise self.make_error("invalid_uuid")
        return UUID(value)


class Timestamp(fields.AwareDateTime):
    """An RFC 3339 time with a zone; read as UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type="datetime") from None


def without_control_characters(text: str) -> None:
    """Refuse what no database stores and no terminal should print.

    :raises ValidationError: a control character or half of a surrogate pair
    """
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValidationError("Control characters are not allowed.")


def text(most: int, least: int = 0, **kwargs: Any) -> fields.String:
    """A string of so many characters, without control characters."""
    return fields.String(
        validate=[validate.Length(min=least, max=most), without_control_characters], **kwargs
    )


class Empty(Schema):
    """A body of ``{}``."""
