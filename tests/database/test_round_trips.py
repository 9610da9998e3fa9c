"""How often a transaction asks PostgreSQL: its BEGIN travels with its first statement."""

from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.orm import Session

import models.database
from models import AuditEvent, Org, User
from models.database import CommittedRefusal, Database
from models.few_trips import later
from models.reach import EVERY_ORG, NO_ORG
from services.times import utc_now
from tests.support.databases import GivenUp, opened
from tests.support.wire_to_postgresql import Wire
from tests.support.world import World

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

INSERT = "INSERT INTO users VALUES (gen_random_uuid(), now())"


def open_transactions(database: Database) -> int:
    """Those of its user's connections to the database, but for the one that asks."""
    with database.read(EVERY_ORG) as session:
        states = session.scalars(
            text(
                "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename = session_user AND application_name = 'presence'"
                " AND pid <> pg_backend_pid()"
            )
        ).all()
    assert set(states) <= {"idle", "idle in transaction", "idle in transaction (aborted)"}
    return sum(state != "idle" for state in states)


def run(database: Database, *statements: str, then: type[Exception] | None = None) -> None:
    """Run them in one transaction; one that fails stops none after it."""
    with database.write(EVERY_ORG) as session:
        for statement in statements:
            with suppress(DBAPIError):
                session.connection().execute(text(statement))
        if then is not None:
            raise then


def users(database: Database) -> int:
    with database.read(EVERY_ORG) as session:
        return len(session.scalars(select(User.id)).all())


def test_a_read_is_two_round_trips(through: Database, wire: Wire, world: World) -> None:
    with wire.counted() as sent, through.read(world.id) as session:
        assert session.scalars(select(Org.id)).all() == [world.id]
    first, last = sent
    assert first.startswith("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;SET LOCAL")
    assert str(world.id) in first
    assert last == "ROLLBACK"


def test_a_write_is_one_round_trip_a_statement_and_one_to_commit(
    through: Database, wire: Wire, world: World
) -> None:
    with wire.counted() as sent, through.write(world.id) as session:
        session.execute(update(Org).values(name="100 % Bookkeeping"))
        session.execute(select(Org.id))
    first, second, last = sent
    assert first.startswith("BEGIN ISOLATION LEVEL READ COMMITTED;SET LOCAL")
    assert second.startswith("SELECT")
    assert last == "COMMIT"
    with through.read(world.id) as session:
        assert session.scalars(select(Org.name)).one() == "100 % Bookkeeping"


def test_a_transaction_without_a_statement_is_none(through: Database, wire: Wire) -> None:
    with wire.counted() as sent:
        with through.read(NO_ORG):
            pass
        with through.write(NO_ORG):
            pass
        with through.write(NO_ORG) as session:
            session.rollback()
    assert sent == []


@pytest.mark.parametrize(("error", "how"), [(CommittedRefusal, "COMMIT"), (GivenUp, "ROLLBACK")])
def test_a_refusal_commits_and_any_other_exception_rolls_back(
    through: Database, wire: Wire, database: Database, error: type[Exception], how: str
) -> None:
    with wire.counted() as sent, pytest.raises(error):
        run(through, INSERT, then=error)
    assert [each.partition(" ")[0] for each in sent] == ["BEGIN", how]
    assert users(through) == (how == "COMMIT")
    assert open_transactions(database) == 0


def test_many_sets_of_parameters_are_of_the_transaction(through: Database, wire: Wire) -> None:
    names = text("SELECT set_config('presence.one', :name, true)")
    with wire.counted() as sent, through.write(NO_ORG) as session:
        session.connection().execute(names, [{"name": "a"}, {"name": "b"}])
        assert session.scalar(text("SELECT current_setting('presence.one')")) == "b"
    assert [each.partition(" ")[0] for each in sent] == ["BEGIN", *["SELECT"] * 3, "COMMIT"]


def in_a_savepoint(session: Session, statement: str, then: type[Exception] | None = None) -> None:
    with session.begin_nested():
        session.execute(text(statement))
        if then is not None:
            raise then


def test_savepoints_are_of_the_transaction(through: Database) -> None:
    with through.write(EVERY_ORG) as session:
        with pytest.raises(ProgrammingError):
            in_a_savepoint(session, "SELECT nothing")
        session.execute(text(INSERT))
        with pytest.raises(GivenUp):
            in_a_savepoint(session, "DELETE FROM users", then=GivenUp)
    assert users(through) == 1


@pytest.mark.parametrize("wrong", ["SELEC 1", "SELECT nothing", "SELECT 1 / 0"])
def test_after_a_first_statement_that_fails_nothing_runs_outside_a_transaction(
    through: Database, database: Database, wrong: str
) -> None:
    """PostgreSQL parses a whole string before it begins, so it may have begun nothing."""
    with suppress(DBAPIError):
        run(through, wrong, INSERT, "SELECT nothing")
    assert users(through) == 0
    assert open_transactions(database) == 0


def test_a_parameter_that_cannot_be_sent_costs_no_limit(through: Database) -> None:
    with through.write(EVERY_ORG) as session:
        with pytest.raises(ProgrammingError, match="can't adapt"):
            session.execute(text("SELECT :it"), {"it": object()})
        assert session.scalar(text("SHOW statement_timeout")) == "5s"


def test_no_commit_is_silently_a_rollback(through: Database) -> None:
    with pytest.raises(InternalError, match="rolled back"):
        run(through, INSERT, "SELECT nothing")
    assert users(through) == 0


def test_the_first_statement_is_bounded_too(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.database, "STATEMENT_TIMEOUT_SECONDS", 1)
    with (
        opened(database_url) as database,
        pytest.raises(OperationalError, match="statement timeout"),
        database.write(NO_ORG) as session,
    ):
        session.execute(text("SELECT pg_sleep(60)"))


def kill(database: Database, pid: int) -> None:
    """It alone: other tests go on with the other connections."""
    with database.write(EVERY_ORG) as session:
        assert session.scalar(select(func.pg_terminate_backend(pid, 5000)))


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_connection_that_died_is_given_up(
    through: Database, database: Database, is_begun: bool
) -> None:
    with through.read(NO_ORG) as session:
        pid = session.scalars(select(func.pg_backend_pid())).one()
    with through.write(NO_ORG) as session:
        session.connection()
        if is_begun:
            session.execute(text("SELECT 1"))
        kill(database, pid)
        with pytest.raises(OperationalError) as raised:
            session.execute(text("SELECT 1"))
        session.rollback()
    assert raised.value.connection_invalidated
    with through.write(NO_ORG) as session:
        assert session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("how", ["one", "many", "select"])
def test_what_nobody_waits_for_travels_with_the_next_statement(
    through: Database, wire: Wire, world: World, how: str
) -> None:
    rows = [audit_event(world), audit_event(world)]
    with wire.counted() as sent, through.write(world.id) as session:
        if how == "one":
            later(session, insert(AuditEvent).values(rows[0]).inline())
        elif how == "many":
            later(session, insert(AuditEvent).inline(), rows)
        else:
            later(session, select(Org.id).with_for_update())
        found = session.scalars(select(AuditEvent.kind)).all()
    first, last = sent
    assert first.startswith("BEGIN ")
    assert last == "COMMIT"
    assert found == ["signed_in"] * {"one": 1, "many": 2, "select": 0}[how]


def test_or_with_the_commit(through: Database, wire: Wire, world: World) -> None:
    with wire.counted() as sent, through.write(world.id) as session:
        session.execute(select(Org.id))
        later(session, insert(AuditEvent).inline(), [audit_event(world)])
        later(session, update(Org).values(name="100 % Bookkeeping"))
    assert [each.split(" ")[0] for each in sent] == ["BEGIN", "INSERT"]
    assert sent[1].endswith(";COMMIT")
    assert [event.kind for event in world.log()] == ["signed_in"]


def test_what_waits_alone_is_committed(through: Database, wire: Wire, world: World) -> None:
    with wire.counted() as sent, through.write(world.id) as session:
        later(session, insert(AuditEvent).inline(), [audit_event(world)])
    assert len(sent) == 1
    assert len(world.log()) == 1


def test_a_rollback_drops_what_waits(through: Database, wire: Wire, world: World) -> None:
    with wire.counted() as sent, pytest.raises(GivenUp), through.write(world.id) as session:
        give_up_after(session, audit_event(world))
    assert sent == []
    assert world.log() == []


def give_up_after(session: Session, row: dict[str, Any]) -> None:
    later(session, insert(AuditEvent).inline(), [row])
    raise GivenUp


@pytest.mark.parametrize("is_begun", [False, True])
def test_what_fails_later_fails_the_commit(
    through: Database, database: Database, world: World, is_begun: bool
) -> None:
    with pytest.raises(IntegrityError), through.write(world.id) as session:
        commit_both(session, audit_event(world), is_begun)
    assert world.log() == []
    assert open_transactions(database) == 0


def commit_both(session: Session, row: dict[str, Any], is_begun: bool) -> None:
    if is_begun:
        session.execute(select(Org.id))
    later(session, insert(AuditEvent).inline(), [row])
    later(session, insert(AuditEvent).inline(), [row | {"kind": "no kind"}])


def audit_event(world: World) -> dict[str, Any]:
    return {"org_id": world.id, "kind": "signed_in", "details": {}, "occurred_at": utc_now()}
