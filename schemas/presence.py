"""The snapshot (documentation: its bytes are made in services/snapshot.py), and clearing."""

from marshmallow import Schema, fields, validate

from models.views import VIEWS
from schemas.clock import OwnPresence
from schemas.fields import Id, Number, Timestamp, text
from settings import SECONDS_MAX


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
    view = fields.String(required=True, validate=validate.OneOf([view.name for view in VIEWS]))
    accounts_version = fields.Integer(required=True)
    stale_after = fields.Integer(required=True)
    presence = fields.List(fields.Nested(Entry), required=True)
    me = fields.Nested(OwnPresence, required=True, allow_none=True)


class ClearUnseenQuery(Schema):
    stale_for = Number(
        required=True,
        validate=validate.Range(1, SECONDS_MAX),
        metadata={"description": "seconds without a heartbeat, stale_after or more"},
    )
    dry_run = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        load_default=False,
        metadata={"description": "only list what would be cleared"},
    )


class NamedUnseen(Schema):
    """As a table has it."""

    account_id = Id(required=True)
    account_name = fields.String(required=True)
    user_id = Id(required=True)
    display_name = fields.String(required=True)
    last_seen_at = Timestamp(required=True, attribute="last_heartbeat_at")


class Unseen(NamedUnseen):
    class Meta:
        exclude = ("account_name",)


class Cleared(Schema):
    cleared = fields.Nested(Unseen, many=True, required=True)
    dry_run = fields.Boolean(required=True)


class ForceClearQuery(Schema):
    reason = text(200, "kept in the history")
    presence_id = Id(metadata={"description": "clear it only if it is still this one"})
