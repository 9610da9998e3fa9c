"""Statements whose answers nobody needs travel with the next one, or with COMMIT."""

from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from models import Membership, User
from models.database import CommittedRefusal, Database
from models.few_trips import later
from models.reach import EVERY_ORG
from services.times import utc_now
from tests.support.databases import GivenUp
from tests.support.wire_to_postgresql import Wire
from tests.support.world import World

only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

ADD = insert(User).inline()
ONE = {"id": uuid4(), "created_at": utc_now()}
MEMBER = {"display_name": "Ana Reyes", "role": "va", "active": True, "token_generation": 0}
MEMBER |= {"created_at": utc_now()}
JOIN = insert(Membership).inline()


def count(database: Database) -> int:
    with database.read(EVERY_ORG) as session:
        return len(session.scalars(select(User.id)).all())


def another() -> dict[str, Any]:
    return {**ONE, "id": uuid4()}


def add(
    database: Database,
    *people: dict[str, Any],
    before: str | None = None,
    then: Exception | None = None,
) -> None:
    """Add people in one transaction.

    :param before: a statement to begin with
    """
    with database.write(EVERY_ORG) as session:
        if before is not None:
            session.execute(text(before))
        for each in people:
            later(session, ADD, each)
        if then is not None:
            raise then


def test_it_is_done_before_what_comes_after_it(database: Database) -> None:
    with database.write(EVERY_ORG) as session:
        later(session, ADD, ONE)
        assert session.scalars(select(User.id)).all() == [ONE["id"]]
    assert count(database) == 1


def test_it_is_done_after_what_came_before_it(world: World) -> None:
    """What the session has not written yet was before it too."""
    ana = uuid4()
    with world.database.write(EVERY_ORG) as session:
        session.add(User(id=ana, created_at=utc_now()))
        later(session, JOIN, {**MEMBER, "id": uuid4(), "org_id": world.id, "user_id": ana})
    assert count(world.database) == 1


def test_commit_does_it_and_so_does_a_refusal(database: Database) -> None:
    add(database, ONE)
    with pytest.raises(CommittedRefusal):
        add(database, another(), then=CommittedRefusal())
    assert count(database) == 2


def test_any_other_exception_undoes_it(database: Database) -> None:
    with pytest.raises(GivenUp):
        add(database, ONE, then=GivenUp())
    assert count(database) == 0


@pytest.mark.parametrize("before", [None, "SELECT 1"])
def test_where_it_fails_nothing_is_done(database: Database, before: str | None) -> None:
    with pytest.raises(IntegrityError):
        add(database, another(), ONE, ONE, another(), before=before)
    assert count(database) == 0
    add(database, ONE)  # by the same connection
    assert count(database) == 1


def test_a_savepoint_undoes_what_waits_in_it_and_nothing_else(database: Database) -> None:
    with database.write(EVERY_ORG) as session:
        later(session, ADD, ONE)
        with suppress(GivenUp), session.begin_nested():
            later(session, ADD, another())
            raise GivenUp
    assert count(database) == 1


@only_postgresql
def test_it_survives_a_statement_that_cannot_be_sent(through: Database) -> None:
    with through.write(EVERY_ORG) as session:
        session.scalar(text("SELECT 1"))
        later(session, ADD, ONE)
        with pytest.raises(ProgrammingError, match="can't adapt"):
            session.execute(text("SELECT :it"), {"it": object()})
    assert count(through) == 1


@only_postgresql
def test_the_writes_of_a_clock_in_travel_with_commit_and_the_versions_are_last(
    world: World, through: Database, wire: Wire
) -> None:
    ana, acme = world.va(), world.account()
    elsewhere = replace(world)
    elsewhere.database, elsewhere.id = through, world.id
    with wire.counted() as sent:
        elsewhere.clock_in(ana, acme, key="one")
    begin = [each.partition(" ")[0] for each in sent[-1].split(";")]
    assert begin == ["INSERT", "INSERT", "INSERT", "UPDATE", "COMMIT"]
    assert "account_presence" in sent[-1].split(";")[0]
    assert not [each for each in sent[:-1] if "INSERT" in each or "UPDATE orgs" in each]
