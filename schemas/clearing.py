"""What admins clear."""

from marshmallow import Schema, fields, validate

from schemas.fields import Id, Number, Timestamp, switch, text
from settings import SECONDS_MAX


class ClearUnseenQuery(Schema):
    stale_for = Number(
        required=True,
        validate=validate.Range(1, SECONDS_MAX),
        metadata={"description": "seconds without a heartbeat, stale_after or more"},
    )
    dry_run = switch("only list what would be cleared")


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
