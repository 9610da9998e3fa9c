"""Where a member is signed in."""

from marshmallow import Schema, fields, validate

from schemas.admin import List
from schemas.fields import Id

_TIME = {"format": "date-time"}


class MemberSession(Schema):
    id = Id(required=True)
    created_at = fields.String(required=True, metadata=_TIME)
    last_renewed_at = fields.String(required=True, allow_none=True, metadata=_TIME)
    expires_at = fields.String(required=True, metadata=_TIME)
    address = fields.String(required=True, allow_none=True)
    user_agent = fields.String(required=True, allow_none=True)
    by = fields.String(required=True, validate=validate.OneOf(("access_code", "command")))
    current = fields.Boolean(required=True, metadata={"description": "the one that asks"})


class MemberSessions(List):
    sessions = fields.List(fields.Nested(MemberSession), required=True)
