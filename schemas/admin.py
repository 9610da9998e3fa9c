"""What admins manage: accounts, members and access codes."""

from marshmallow import Schema, fields, validate

from models.roles import ROLES
from schemas.clock import Account, Member
from schemas.fields import Flag, Id, Timestamp, name

_TIME = {"format": "date-time"}


class List(Schema):
    """``next`` is where a list goes on; these come whole."""

    next = fields.String(required=True, allow_none=True)


class NewAccount(Schema):
    name = name(required=True)


class AccountChanges(Schema):
    name = name()
    archived = Flag(metadata={"description": "put away, or taken back; it keeps its name"})


class ManagedAccount(Account):
    archived = fields.Boolean(required=True)
    created_at = fields.String(required=True, metadata=_TIME)


class ManagedAccounts(List):
    accounts = fields.List(fields.Nested(ManagedAccount), required=True)


class NewMember(Schema):
    display_name = name(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))


class MemberChanges(Schema):
    display_name = name()
    role = fields.String(validate=validate.OneOf(ROLES))
    active = Flag(metadata={"description": "false ends their presence and their tokens"})


class ManagedMember(Member):
    active = fields.Boolean(required=True)
    created_at = fields.String(required=True, metadata=_TIME)


class ManagedMembers(List):
    members = fields.List(fields.Nested(ManagedMember), required=True)


class NewAccessCode(Schema):
    account_id = Id(metadata={"description": "the only account that it is for"})
    expires_at = Timestamp(metadata={"description": "from then on it lets nobody in"})


class AccessCode(Schema):
    id = Id(required=True)
    member_id = Id(required=True)
    account_id = Id(required=True, allow_none=True)
    created_at = fields.String(required=True, metadata=_TIME)
    expires_at = fields.String(required=True, allow_none=True, metadata=_TIME)
    revoked_at = fields.String(required=True, allow_none=True, metadata=_TIME)
    last_used_at = fields.String(required=True, allow_none=True, metadata=_TIME)


class IssuedAccessCode(AccessCode):
    access_code = fields.String(
        required=True, metadata={"description": "in this answer only: it is not stored"}
    )


class AccessCodes(List):
    access_codes = fields.List(fields.Nested(AccessCode), required=True)
