"""Entries are read by hand, for speed; the schemas that describe them are the judges."""

from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from schemas.directory import AccountEntry, MemberEntry, account, member

ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
ANYTHING: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text() | st.just([]) | st.just({})
)
IDS = st.just(ID) | st.just(ID.upper()) | st.sampled_from([ID[:-1], ID + "\n", f"{{{ID}}}", "x"])
NAMES = st.text(max_size=3) | st.sampled_from(
    ["Acme", "x" * 200, "x" * 201, "a\n", "\ud800", "\x85"]
)
FLAGS = st.booleans() | st.sampled_from([0, 1, "true"])
ROLES = st.sampled_from(["admin", "va", "service", "Admin", ""])


def entries(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Some are right; others lack a field, or have one too many or of another type."""
    some = {name: values | ANYTHING for name, values in fields.items()} | {"extra": ANYTHING}
    return (
        st.fixed_dictionaries({}, optional=fields)
        | st.fixed_dictionaries(fields)
        | st.fixed_dictionaries({}, optional=some)
        | ANYTHING
    )


def judged(schema: Schema, entry: Any) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = schema.load(entry)
    except ValidationError:
        return None
    return found


@settings(max_examples=500, deadline=None)
@given(entries(id=IDS, name=NAMES, archived=FLAGS))
def test_accounts_are_read_as_the_schema_does(entry: Any) -> None:
    read = account(entry)
    assert (read._asdict() if read else None) == judged(AccountEntry(), entry)


@settings(max_examples=500, deadline=None)
@given(entries(user_id=IDS, display_name=NAMES, role=ROLES, active=FLAGS))
def test_members_are_read_as_the_schema_does(entry: Any) -> None:
    read = member(entry)
    assert (read._asdict() if read else None) == judged(MemberEntry(), entry)


def test_some_are_right() -> None:
    # Were none read, the tests above would say little.
    made = member({"user_id": ID, "display_name": "Ana", "role": "va"})
    assert made == (UUID(ID), "Ana", "va", True)
    assert account({"id": ID, "name": "Acme"}) == (UUID(ID), "Acme", False)
