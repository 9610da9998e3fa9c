"""Problems (RFC 9457): the form of every error."""

from marshmallow import Schema, fields, validate

from schemas.clock import Account, Org
from schemas.fields import Id, Timestamp


class Holder(Schema):
    """Who is on the account that the caller, an admin, wanted."""

    display_name = fields.String(required=True)
    clocked_in_at = Timestamp(required=True)
    state = fields.String(required=True, validate=validate.OneOf(("active", "stale")))


class Problem(Schema):
    """Some codes carry further members, from ``errors`` on."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.Dict()
    reason = fields.String()
    holder = fields.Nested(Holder)
    id = Id()
    accounts = fields.Nested(Account, many=True)
    orgs = fields.Nested(Org, many=True)
