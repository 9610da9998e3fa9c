"""How often a transaction asks PostgreSQL: its BEGIN travels with its first statement."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

import models.database
from models import Org, User
from models.database import CommittedRefusal, Database
from models.reach import EVERY_ORG, NO_ORG
from tests.support.databases import opened
from tests.support.settings import settings_for
from tests.support.wire_to_postgresql import Wire, wire_to
from tests.support.world import World

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

INSERT = "INSERT INTO users VALUES (gen_random_uuid(), now())"


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    with wire_to(database_url) as wire:
        yield wire


@pytest.fixture
def through(wire: Wire) -> Iterator[Database]:
    """A database behind the wire, with a connection that has been used."""
    with opened(settings_for(wire.url)) as database:
        with database.read(NO_ORG) as session:
            session.scalar(text("SELECT 1"))
        yield database


class GivenUp(Exception):
    """Rolls a transaction back."""


def open_transactions(database: Database) -> int:
    """Those of all connections to the database, but for the one that asks."""
    with database.read(EVERY_ORG) as session:
        states = session.scalars(
            text(
                "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'presence' AND pid <> pg_backend_pid()"
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


def kill_all(database: Database) -> None:
    with database.write(EVERY_ORG) as session:
        died = session.scalars(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).all()
    assert died
    assert all(died)


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_connection_that_died_is_given_up(
    through: Database, database: Database, is_begun: bool
) -> None:
    with through.write(NO_ORG) as session:
        session.connection()
        if is_begun:
            session.execute(text("SELECT 1"))
        kill_all(database)
        with pytest.raises(OperationalError) as raised:
            session.execute(text("SELECT 1"))
        session.rollback()
    assert raised.value.connection_invalidated
    with through.write(NO_ORG) as session:
        assert session.scalar(text("SELECT 1")) == 1
