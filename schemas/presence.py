"""A presence on the wire: what its member's client says of it, and how it looks to them, in the
snapshot and in the history.

The bytes of the snapshot are made in wire/rendered.py, by the names and in the order of Entry and
OwnPresence.
"""

from marshmallow import EXCLUDE, Schema, fields, validate

from models import clock_event
from models.views import VIEWS
from schemas.fields import Id, Timestamp
from schemas.log import LogEntry

_TIME = {"format": "date-time"}
REASONS = ("user", "inactivity", "shutdown")


class Event(Schema):
    class Meta:
        # A client newer than the server must lose no event.
        unknown = EXCLUDE


class ClockInRequest(Event):
    access_code = fields.String(metadata={"description": "beats a bearer token"})
    account_id = Id(metadata={"description": "may be left out with a code bound to an account"})
    occurred_at = Timestamp(metadata={"description": "for events queued while offline"})


class ClockOutRequest(Event):
    presence_id = Id(metadata={"description": "end it only if it is still this one"})
    reason = fields.String(validate=validate.OneOf(REASONS), load_default="user")
    occurred_at = Timestamp(metadata={"description": "for events queued while offline"})


class HeartbeatRequest(Event):
    presence_id = Id(required=True)


class OwnPresence(Schema):
    id = Id(required=True, attribute="presence_id")
    account_id = Id(required=True)
    clocked_in_at = Timestamp(required=True)


class Entry(Schema):
    """In the ``va`` view, ``account_id`` alone."""

    account_id = Id(required=True)
    presence_id = Id()
    user_id = Id()
    display_name = fields.String()
    clocked_in_at = fields.String(metadata=_TIME)
    state = fields.String(validate=validate.OneOf(("active", "stale")))
    last_seen_at = fields.String(allow_none=True, metadata=_TIME)


class Snapshot(Schema):
    version = fields.Integer(required=True)
    view = fields.String(required=True, validate=validate.OneOf([view.name for view in VIEWS]))
    accounts_version = fields.Integer(required=True)
    stale_after = fields.Integer(required=True)
    presence = fields.List(fields.Nested(Entry), required=True)
    me = fields.Nested(OwnPresence, required=True, allow_none=True)


class ClockEvent(LogEntry):
    id = Id(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(clock_event.CLOCK_EVENT_KINDS))
    account_id = Id(required=True)
    account_name = fields.String(required=True)
    user_id = Id(required=True, allow_none=True)
    display_name = fields.String(required=True)
    presence_id = Id(required=True)
    actor_id = Id(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    occurred_at = fields.String(required=True, metadata=_TIME)
    received_at = fields.String(required=True, metadata=_TIME)
    version = fields.Integer(required=True)
    from_account_id = Id(required=True, allow_none=True)
    from_presence_id = Id(required=True, allow_none=True)
