"""The adopter's two views of their accounts and members (docs/operating.md, "The directory")."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from marshmallow import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from schemas.directory import ENTRIES, Directory, OrgFromElsewhere
from schemas.fields import NAME_LENGTH, is_id
from services.listed_accounts import ListedAccount
from services.listed_members import ListedMember

ORGS = """
SELECT CAST(org_id AS text) AS org_id FROM "{schema}".accounts WHERE org_id IS NOT NULL
UNION SELECT CAST(org_id AS text) FROM "{schema}".members WHERE org_id IS NOT NULL
"""
# One statement sees both views at one moment. Nothing longer is read than shows that it is wrong.
ROWS = """
(SELECT 'accounts' AS part, CAST(id AS text) AS id, left(CAST(name AS text), :long) AS name,
   NULL AS role, archived AS flag, left(CAST(org_name AS text), :long) AS org_name
 FROM "{schema}".accounts WHERE org_id = CAST(:org AS uuid) LIMIT :many)
UNION ALL
(SELECT 'members', CAST(user_id AS text), left(CAST(display_name AS text), :long),
   left(CAST(role AS text), :long), active, NULL
 FROM "{schema}".members WHERE org_id = CAST(:org AS uuid) LIMIT :many)
"""
OF_NAMES = "42"  # class of SQLSTATE: what is not there, has another type, or may not be read
FEW = 3  # faults that one line names


class Unusable(Exception):
    """The views can't be used; the message is one line, without any value that is in them."""


class Viewed(NamedTuple):
    """An org as the views have it.

    :ivar org_name: None where it has no account
    """

    org_name: str | None
    accounts: list[ListedAccount]
    members: list[ListedMember]


def orgs(session: Session, schema: str) -> list[UUID]:
    """The orgs that are in one of the views.

    :raises Unusable: a view can't be read
    """
    found = _rows(session, ORGS.format(schema=schema), {})
    if not all(is_id(row.org_id) for row in found):
        raise Unusable("org_id is not a uuid")
    return [UUID(row.org_id) for row in found]


def read(session: Session, schema: str, org_id: UUID) -> Viewed | None:
    """The org as the views have it now; None where it is in neither.

    :raises Unusable: a view can't be read, or what is in it can't be taken over
    """
    wanted = {"org": str(org_id), "long": NAME_LENGTH + 1, "many": ENTRIES + 1}
    rows = _rows(session, ROWS.format(schema=schema), wanted)
    if not rows:
        return None
    listed = {
        "accounts": [
            {"id": row.id, "name": row.name, "archived": row.flag}
            for row in rows
            if row.part == "accounts"
        ],
        "members": [
            {"user_id": row.id, "display_name": row.name, "role": row.role, "active": row.flag}
            for row in rows
            if row.part == "members"
        ],
    }
    names = {row.org_name for row in rows if row.part == "accounts"}
    if len(names) > 1:
        raise Unusable("accounts: org_name is not the same in all rows of the org")
    try:
        for name in names:
            OrgFromElsewhere().load({"org_name": name})
        read = Directory().load(listed)
    except ValidationError as error:
        raise Unusable(_in_words(error.messages_dict, listed)) from None
    return Viewed(next(iter(names), None), read["accounts"], read["members"])


def _rows(session: Session, statement: str, values: Mapping[str, Any]) -> list[Any]:
    try:
        return list(session.execute(text(statement), values))
    except SQLAlchemyError as error:
        original = getattr(error, "orig", None)
        state = getattr(original, "pgcode", None) or ""
        # Other messages may quote what is in their tables.
        why = str(original).partition("\n")[0] if state.startswith(OF_NAMES) else state
        raise Unusable(f"{type(error).__name__}: {why}") from None


def _in_words(errors: dict[str, Any], listed: dict[str, list[dict[str, Any]]]) -> str:
    """The first few faults, by the ids of what has them."""
    faults = []
    for part, wrong in errors.items():
        if isinstance(wrong, dict):
            faults += [
                f"{part}: {_id_of(listed[part][index])}: {_first(why)}"
                for index, why in islice(wrong.items(), FEW)
            ]
        else:
            faults.append(f"{part}: {wrong[0]}")
    return "; ".join(faults)


def _id_of(entry: dict[str, Any]) -> str:
    id_ = next(iter(entry.values()))
    return str(id_) if is_id(id_) else "a row whose id is not a uuid"


def _first(why: Any) -> str:
    if not isinstance(why, dict):
        return str(why[0])
    return "; ".join(f"{name}: {messages[0]}" for name, messages in why.items())
