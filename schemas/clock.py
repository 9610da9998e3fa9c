"""Signing in, and the answers to clocking in and out."""

import re

from marshmallow import Schema, fields, validate

from models.roles import ROLES, ROLES_OF_PEOPLE
from schemas.fields import Id, Timestamp
from schemas.presence import OwnPresence


class SessionRequest(Schema):
    access_code = fields.String(
        required=True, metadata={"description": "as typed: case, spaces and dashes do not matter"}
    )


class IdempotencyHeaders(Schema):
    key = fields.String(
        data_key="Idempotency-Key",
        load_default=None,
        validate=validate.Regexp(
            re.compile(r"[\x20-\x7e]{1,64}\Z"), error="Must be 1-64 printable ASCII characters."
        ),
        metadata={"description": "repeat a request safely: the first answer is the answer"},
    )


class Account(Schema):
    id = Id(required=True)
    name = fields.String(required=True)


class Org(Schema):
    id = Id(required=True)
    name = fields.String(required=True)


class Member(Schema):
    id = Id(required=True)
    user_id = Id(required=True)
    display_name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES_OF_PEOPLE))


class Myself(Member):
    """A member, or the service that asks."""

    role = fields.String(required=True, validate=validate.OneOf(ROLES))


class Me(Schema):
    """Of ``caller`` and ``presence``."""

    member = fields.Nested(Myself, required=True, attribute="caller.member")
    org = fields.Nested(Org, required=True, attribute="caller.org")
    presence = fields.Nested(OwnPresence, required=True, allow_none=True)


class ClockedIn(Me):
    """Of ``token`` and ``settings`` too."""

    class Meta:
        # In the contract's order.
        fields = (
            *("token", "token_type", "expires_at", "session_id", "member", "org", "presence"),
            *("heartbeat_interval", "poll_interval", "released_account_id"),
        )

    member = fields.Nested(Member, required=True, attribute="caller.member")
    token = fields.String(required=True, attribute="token.raw")
    token_type = fields.String(required=True, dump_default="Bearer")
    expires_at = Timestamp(required=True, attribute="token.claims.expires_at")
    session_id = Id(
        required=True,
        allow_none=True,
        attribute="token.claims.session_id",
        metadata={"description": "null with a token of a trusted issuer"},
    )
    heartbeat_interval = fields.Integer(required=True, attribute="settings.heartbeat_interval")
    poll_interval = fields.Integer(required=True, attribute="settings.poll_interval")
    released_account_id = Id(required=True, allow_none=True)


class Session(ClockedIn):
    class Meta:
        fields = (
            *("token", "token_type", "expires_at", "session_id", "member", "org", "accounts"),
            *("presence", "heartbeat_interval", "poll_interval"),
        )

    accounts = fields.Nested(Account, many=True, required=True)


class ClockedOut(Schema):
    cleared = fields.Boolean(required=True)
    account_id = Id(required=True, allow_none=True)


class Accounts(Schema):
    accounts = fields.Nested(Account, many=True, required=True)
