"""What the database itself refuses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Insert, insert, select
from sqlalchemy.exc import IntegrityError, StatementError

from models import AccessCode, AuditEvent, ClockEvent, IdempotencyKey, Presence, User
from models.database import Database
from models.reach import EVERY_ORG
from services.times import utc_now
from settings import Settings
from tests.support.world import World

Row = Callable[..., Insert]


def presence(world: World, **values: Any) -> Insert:
    ana = world.va()
    given: dict[str, Any] = {"account_id": world.account().id, "membership_id": ana.id}
    given |= {"user_id": ana.user_id, "clocked_in_at": utc_now(), "last_heartbeat_at": utc_now()}
    return insert(Presence).values(org_id=world.id, id=uuid4(), **{**given, **values})


def access_code(world: World, **values: Any) -> Insert:
    given = {"id": uuid4(), "membership_id": world.va().id, "digest": b"", "created_at": utc_now()}
    return insert(AccessCode).values(org_id=world.id, **{**given, **values})


def clock_event(world: World, **values: Any) -> Insert:
    given = {"kind": "clock_in", "account_id": world.account().id, "account_name": "Acme Dental"}
    given |= {"display_name": "Ana Reyes", "presence_id": uuid4(), "version": 1}
    given |= dict.fromkeys(("occurred_at", "received_at", "last_heartbeat_at"), utc_now())
    return insert(ClockEvent).values(org_id=world.id, **{**given, **values})


def audit_event(world: World, **values: Any) -> Insert:
    given = {"kind": "account_added", "account_id": world.account().id, "details": {}}
    given |= {"occurred_at": utc_now()}
    return insert(AuditEvent).values(org_id=world.id, **{**given, **values})


def idempotency_key(world: World, **values: Any) -> Insert:
    given = {"membership_id": world.va().id, "key": "k", "digest": b"", "answer": {}}
    given |= {"created_at": utc_now()}
    return insert(IdempotencyKey).values(org_id=world.id, **{**given, **values})


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (presence, "account_id"),
        (presence, "membership_id"),
        (access_code, "account_id"),
        (access_code, "membership_id"),
        (clock_event, "account_id"),
        (audit_event, "account_id"),
        (idempotency_key, "membership_id"),
    ],
)
def test_no_row_crosses_orgs(
    database: Database, settings: Settings, world: World, row: Row, column: str
) -> None:
    other = World(database, settings, "Other Bookkeeping")
    foreign = other.account("Foreign").id if column == "account_id" else other.va().id
    crossing, proper = row(world, **{column: foreign}), row(other)
    with (
        pytest.raises(IntegrityError, match=r"(?i)foreign key"),
        database.write(EVERY_ORG) as session,
    ):
        session.execute(crossing)
    with database.write(EVERY_ORG) as session:
        session.execute(proper)


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 11, 22, 12, 42)
    with (
        pytest.raises(StatementError, match="without a zone"),
        database.write(EVERY_ORG) as session,
    ):
        session.execute(insert(User).values(id=uuid4(), created_at=naive))


def test_a_time_of_any_zone_comes_back_as_utc(database: Database) -> None:
    noon = datetime(2026, 11, 22, 20, tzinfo=timezone(timedelta(hours=8)))
    with database.write(EVERY_ORG) as session:
        session.execute(insert(User).values(id=uuid4(), created_at=noon))
    with database.read(EVERY_ORG) as session:
        found = session.scalars(select(User.created_at)).one()
    assert found.isoformat() == "2026-11-22T12:00:00+00:00"
    assert found.tzinfo is UTC
