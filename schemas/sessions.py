"""Where a member is signed in."""

from typing import Any

from marshmallow import Schema, fields, validate

from schemas.fields import Id, Timestamp, next_of_whole
from services.sessions import Listed


class MemberSession(Schema):
    id = Id(required=True)
    created_at = Timestamp(required=True)
    last_renewed_at = Timestamp(required=True, allow_none=True)
    expires_at = Timestamp(required=True)
    address = fields.String(required=True, allow_none=True)
    user_agent = fields.String(required=True, allow_none=True)
    by = fields.String(
        required=True, validate=validate.OneOf(("access_code", "command")), attribute="begun_by"
    )
    current = fields.Boolean(required=True, metadata={"description": "the one that asks"})

    def get_attribute(self, obj: Listed, attr: str, default: Any) -> Any:
        if attr == "current":
            return obj.is_current
        return super().get_attribute(obj.session, attr, default)


class MemberSessions(Schema):
    sessions = fields.Nested(MemberSession, many=True, required=True)
    next = next_of_whole()
