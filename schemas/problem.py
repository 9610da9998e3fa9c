"""Problems (RFC 9457): the form of every error."""

from marshmallow import Schema, fields


class Problem(Schema):
    """Some codes carry further members: ``errors``, ``reason``, ``holder``, ``accounts``."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.Dict()
    reason = fields.String()
    holder = fields.Dict()
    accounts = fields.List(fields.Dict())
