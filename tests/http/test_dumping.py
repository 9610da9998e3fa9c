"""Answers are dumped faster than by marshmallow, and no otherwise."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from marshmallow import Schema, fields, post_dump

from schemas.clock import ClockedIn, ClockedOut, Me, Session
from schemas.sessions import MemberSession
from services.clocking import ClockedOut as Cleared
from services.signing_in import OwnPresence
from wire.dumping import dump_of

ID, AT = UUID(int=1), datetime(2026, 11, 28, 9, 0, 0, 123000, tzinfo=UTC)
MEMBER = SimpleNamespace(id=ID, user_id=UUID(int=2), display_name="Ana", role="va", more=1)
SIGNED_IN: dict[str, Any] = {
    "caller": SimpleNamespace(member=MEMBER, org=SimpleNamespace(id=UUID(int=3), name="Demo")),
    "token": SimpleNamespace(raw="a.b.c", claims=SimpleNamespace(expires_at=AT, session_id=None)),
    "settings": SimpleNamespace(heartbeat_interval=45, poll_interval=2),
    "presence": OwnPresence(UUID(int=4), UUID(int=5), AT),
    "accounts": [SimpleNamespace(id=UUID(int=6), name="Acme"), {"id": UUID(int=7), "name": "B"}],
    "released_account_id": ID,
}


@pytest.mark.parametrize("schema", [ClockedIn, Session, Me])
@pytest.mark.parametrize("changes", [{}, {"presence": None, "released_account_id": None}])
def test_sessions_are_dumped_as_by_marshmallow(
    schema: type[Schema], changes: dict[str, Any]
) -> None:
    answer = {**SIGNED_IN, **changes}
    dumped = dump_of(schema())(answer)
    assert list(dumped.items()) == list(schema().dump(answer).items())
    assert dump_of(schema()) != schema().dump


def test_what_is_missing_is_left_out_or_has_its_default() -> None:
    for part in ({}, {"token": SIGNED_IN["token"]}):
        assert dump_of(ClockedIn())(part) == ClockedIn().dump(part)


def test_a_clock_out_is_dumped_as_by_marshmallow() -> None:
    for cleared in (Cleared(True, ID), Cleared(False, None)):
        assert dump_of(ClockedOut())(cleared) == ClockedOut().dump(cleared)


class Shouted(fields.String):
    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return value.upper()


class WithOwnField(Schema):
    name = Shouted()


class WithHook(Schema):
    name = fields.String()

    @post_dump
    def shout(self, dumped: dict[str, str], **_: Any) -> dict[str, str]:
        return {name: text.upper() for name, text in dumped.items()}


@pytest.mark.parametrize("schema", [WithOwnField(), WithHook(), MemberSession()])
def test_a_schema_with_ways_of_its_own_is_left_to_marshmallow(schema: Schema) -> None:
    assert dump_of(schema) == schema.dump


def test_a_nested_schema_with_ways_of_its_own_keeps_them() -> None:
    whole = Schema.from_dict({"nested": fields.Nested(WithHook)})()
    assert dump_of(whole)({"nested": {"name": "a"}}) == {"nested": {"name": "A"}}
