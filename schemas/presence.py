"""The snapshot (documentation: its bytes are made in services/snapshot.py), and force-clear."""

from marshmallow import Schema, fields, validate

from schemas.clock import OwnPresence
from schemas.fields import Id, text


class Entry(Schema):
    """In the ``va`` view, ``account_id`` alone."""

    account_id = Id(required=True)
    presence_id = Id()
    user_id = Id()
    display_name = fields.String()
    clocked_in_at = fields.String(metadata={"format": "date-time"})
    state = fields.String(validate=validate.OneOf(("active", "stale")))
    last_seen_at = fields.String(allow_none=True, metadata={"format": "date-time"})


class Snapshot(Schema):
    version = fields.Integer(required=True)
    view = fields.String(required=True, validate=validate.OneOf(("admin", "va")))
    accounts_version = fields.Integer(required=True)
    stale_after = fields.Integer(required=True)
    presence = fields.List(fields.Nested(Entry), required=True)
    me = fields.Nested(OwnPresence, required=True, allow_none=True)


class ForceClearQuery(Schema):
    reason = text(200, metadata={"description": "kept in the history"})
    presence_id = Id(metadata={"description": "clear it only if it is still this one"})
