"""The directory, as another application sends it."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate

from models.roles import ROLES_OF_PEOPLE
from schemas.fields import Flag, Id, is_id, is_name, name, switch
from services.listed_accounts import ListedAccount
from services.listed_members import ListedMember

ENTRIES = 10_000  # contract.md, "Ids from elsewhere": of each part
MUST_ERASE = "Must be true. To keep the data, deactivate the member instead."
EXPLAINED = 20  # wrong entries; of further ones only the index is told


class AccountFromElsewhere(Schema):
    name = name(required=True)
    archived = Flag(load_default=False)


class MemberFromElsewhere(Schema):
    display_name = name(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES_OF_PEOPLE))
    active = Flag(load_default=True)


class AccountEntry(AccountFromElsewhere):
    id = Id(required=True)


class MemberEntry(MemberFromElsewhere):
    user_id = Id(required=True)


class OrgFromElsewhere(Schema):
    org_name = name(required=True)


_OF_ACCOUNT = frozenset(AccountEntry._declared_fields)
_OF_MEMBER = frozenset(MemberEntry._declared_fields)


def account(entry: Any) -> ListedAccount | None:
    """The account that ``entry`` is; None where :class:`AccountEntry` would refuse it.

    Twenty times as quick: an application sends thousands of them.
    """
    if not isinstance(entry, dict) or not entry.keys() <= _OF_ACCOUNT:
        return None
    id_, called, archived = entry.get("id"), entry.get("name"), entry.get("archived", False)
    if not (is_id(id_) and is_name(called) and isinstance(archived, bool)):
        return None
    return ListedAccount(UUID(id_), called, archived)


def member(entry: Any) -> ListedMember | None:
    """The member whom ``entry`` is; None where :class:`MemberEntry` would refuse it."""
    if not isinstance(entry, dict) or not entry.keys() <= _OF_MEMBER:
        return None
    id_, called = entry.get("user_id"), entry.get("display_name")
    role, active = entry.get("role"), entry.get("active", True)
    if not (is_id(id_) and is_name(called) and isinstance(active, bool)):
        return None
    if not (isinstance(role, str) and role in ROLES_OF_PEOPLE):
        return None
    return ListedMember(UUID(id_), called, role, active)


class Entries(fields.List[Any]):
    """A list of entries, whose errors are told by index."""

    def __init__(self, schema: type[Schema], read: Callable[[Any], Any], **kwargs: Any) -> None:
        super().__init__(fields.Nested(schema), validate=validate.Length(max=ENTRIES), **kwargs)
        self._schema = schema()
        self._read = read

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if len(value) > ENTRIES:
            return value  # which the validator refuses
        found = [self._read(entry) for entry in value]
        wrong = [index for index, entry in enumerate(found) if entry is None]
        errors = {index: _why(self._schema, value[index]) for index in wrong[:EXPLAINED]}
        errors |= {index: ["Wrong too."] for index in wrong[EXPLAINED:]}
        seen: set[UUID] = set()
        for index, entry in enumerate(found):
            if entry is not None:
                if entry[0] in seen:
                    errors[index] = {entry._fields[0]: ["Given more than once."]}
                seen.add(entry[0])
        if errors:
            raise ValidationError(dict(sorted(errors.items())))
        return found


def _why(schema: Schema, entry: Any) -> Any:
    return dict(islice(schema.validate(entry).items(), EXPLAINED))


class Directory(Schema):
    accounts = Entries(AccountEntry, account)
    members = Entries(MemberEntry, member)


class DirectoryQuery(Schema):
    prune = switch("archive accounts, deactivate members, that a given part does not list")
    dry_run = switch("only count what would change")


class EraseQuery(Schema):
    erase = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        required=True,
        validate=validate.Equal(True, error=MUST_ERASE),
        error_messages={"required": MUST_ERASE},
    )


class AccountCounts(Schema):
    created = fields.Integer(required=True)
    changed = fields.Integer(required=True)
    archived = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)


class MemberCounts(Schema):
    created = fields.Integer(required=True)
    changed = fields.Integer(required=True)
    deactivated = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)


class Synced(Schema):
    accounts = fields.Nested(AccountCounts, required=True)
    members = fields.Nested(MemberCounts, required=True)
    dry_run = fields.Boolean(required=True)
