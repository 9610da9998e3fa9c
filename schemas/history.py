"""The history, the audit log, and working time."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from models import audit_event, clock_event
from schemas.fields import Id, Number, Timestamp
from schemas.log import LogEntry
from schemas.presence import ClockEvent
from services.event_pages import NO_CURSOR, Cursor
from services.working_time import GROUPINGS, time_zones

_TIME = {"format": "date-time"}
_CURSOR = re.compile(r"[0-9a-f]{64}")
LIMIT = 1000  # contract.md, "Administration"
SECONDS_PER_HOUR = 3600


class CursorField(fields.String):
    """``next`` of the page before, which the client sends back as it was."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not (isinstance(value, str) and _CURSOR.fullmatch(value)):
            raise ValidationError(NO_CURSOR)
        return Cursor(UUID(value[:32]), UUID(value[32:]))

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.newest.hex + value.last.hex


class Span(Schema):
    """A time with its beginning and without its end."""

    from_ = Timestamp(data_key="from", metadata={"description": "then or later"})
    to = Timestamp(metadata={"description": "before"})

    @validates_schema
    def in_order(self, given: dict[str, Any], **_: Any) -> None:
        if "from_" in given and "to" in given and given["from_"] > given["to"]:
            raise ValidationError("Must not be earlier than from.", "to")


class PageQuery(Span):
    account_id = Id()
    user_id = Id()
    limit = Number(load_default=100, validate=validate.Range(1, LIMIT))
    cursor = CursorField(metadata={"description": "next of the page before"})


class ClockEventsQuery(PageQuery):
    kind = fields.String(validate=validate.OneOf(clock_event.CLOCK_EVENT_KINDS))


class AuditEventsQuery(PageQuery):
    kind = fields.String(validate=validate.OneOf(audit_event.AUDIT_EVENT_KINDS))


class AuditEvent(LogEntry):
    id = Id(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(audit_event.AUDIT_EVENT_KINDS))
    account_id = Id(required=True, allow_none=True)
    account_name = fields.String(required=True, allow_none=True)
    user_id = Id(required=True, allow_none=True)
    display_name = fields.String(required=True, allow_none=True)
    actor_id = Id(required=True, allow_none=True)
    actor_name = fields.String(required=True, allow_none=True)
    details = fields.Dict(required=True)
    address = fields.String(required=True, allow_none=True)
    occurred_at = fields.String(required=True, metadata=_TIME)


class ClockEvents(Schema):
    clock_events = fields.Nested(ClockEvent, many=True, required=True)
    next = CursorField(required=True, allow_none=True)


class AuditEvents(Schema):
    audit_events = fields.Nested(AuditEvent, many=True, required=True)
    next = CursorField(required=True, allow_none=True)


def _groupings(by: str) -> None:
    named = by.split(",")
    if not set(named) <= set(GROUPINGS) or len(set(named)) < len(named):
        raise ValidationError(
            f"Must be one or more of {', '.join(GROUPINGS)}, separated by commas."
        )


def _time_zone(tz: str) -> None:
    if tz not in time_zones():
        raise ValidationError("Must be a time zone such as Europe/Berlin.")


class TimeQuery(Span):
    by = fields.String(
        load_default="member",
        validate=_groupings,
        metadata={"description": "member, account, day, or several, separated by commas"},
    )
    tz = fields.String(
        load_default="UTC",
        validate=_time_zone,
        metadata={"description": "whose days are meant, by the name that the IANA gave it"},
    )


class TimeRow(Schema):
    """As many of the first five as ``by`` asks for, in its order."""

    user_id = Id(allow_none=True)
    display_name = fields.String()
    account_id = Id()
    account_name = fields.String()
    day = fields.Date()
    seconds = fields.Integer(required=True)

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Dumping 10,000 rows field by field would take longer than summing them."""
        return [self._dumped(row) for row in obj] if many else self._dumped(obj)

    def _dumped(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "day": row["day"].isoformat()} if "day" in row else dict(row)


class TimeTableRow(TimeRow):
    """As a table has it."""

    hours = fields.Float()

    def _dumped(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return super()._dumped(row) | {"hours": round(row["seconds"] / SECONDS_PER_HOUR, 4)}


class WorkingTime(Schema):
    rows = fields.Nested(TimeRow, many=True, required=True)
    total_seconds = fields.Integer(required=True)
