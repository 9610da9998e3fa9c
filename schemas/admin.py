"""What admins manage: accounts, members, access codes and services."""

from typing import Any

from marshmallow import Schema, fields, validate

from models.roles import ROLES_OF_PEOPLE
from schemas.clock import Account, Member
from schemas.fields import Flag, Id, Timestamp, name, next_of_whole


class NewAccount(Schema):
    name = name(required=True)


class AccountChanges(Schema):
    name = name()
    archived = Flag(metadata={"description": "nobody can clock in there; it keeps its name"})


class ManagedAccount(Account):
    archived = fields.Boolean(required=True, attribute="is_archived")
    created_at = Timestamp(required=True)


class ManagedAccounts(Schema):
    accounts = fields.Nested(ManagedAccount, many=True, required=True)
    next = next_of_whole()


class NewMember(Schema):
    display_name = name(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES_OF_PEOPLE))


class MemberChanges(Schema):
    display_name = name()
    role = fields.String(validate=validate.OneOf(ROLES_OF_PEOPLE))
    active = Flag(metadata={"description": "false ends their presence and their tokens"})


class ManagedMember(Member):
    active = fields.Boolean(required=True)
    created_at = Timestamp(required=True)


class ManagedMembers(Schema):
    members = fields.Nested(ManagedMember, many=True, required=True)
    next = next_of_whole()


class NewAccessCode(Schema):
    account_id = Id(metadata={"description": "the only account that it is for"})
    expires_at = Timestamp(metadata={"description": "from then on it is refused"})


class AccessCode(Schema):
    id = Id(required=True)
    member_id = Id(required=True, attribute="membership_id")
    account_id = Id(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    expires_at = Timestamp(required=True, allow_none=True)
    revoked_at = Timestamp(required=True, allow_none=True)
    last_used_at = Timestamp(required=True, allow_none=True)


class IssuedAccessCode(AccessCode):
    """The code's row, and the code as people type it."""

    access_code = fields.String(
        required=True, metadata={"description": "in this answer only: it is not stored"}
    )

    def get_attribute(self, obj: tuple[Any, str], attr: str, default: Any) -> Any:
        row, typed = obj
        return typed if attr == "access_code" else super().get_attribute(row, attr, default)


class AccessCodes(Schema):
    access_codes = fields.Nested(AccessCode, many=True, required=True)
    next = next_of_whole()
