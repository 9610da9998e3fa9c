"""The schema, how it is brought up to date, and what the two databases promise."""

import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Insert, delete, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError, StatementError

from models import (
    AccessCode,
    AuditEvent,
    ClockEvent,
    IdempotencyKey,
    MemberSession,
    Membership,
    Org,
    Presence,
    User,
    migrations,
)
from models.session import Database
from services.times import utc_now
from settings import Settings
from tests.support import ROOT
from tests.support.databases import migrate, opened
from tests.support.server import environment
from tests.support.settings import SECRET_KEY
from tests.support.world import World

UPGRADE = """
import settings
from models.migrations import upgrade
from models import session
from models.session import Database

session.LOCK_TIMEOUT_SECONDS = 60  # whoever waits for the other may wait long on a busy machine
database = Database(settings.load().database_url)
print("ready", flush=True)
input()
with database.write() as session:
    upgrade(session.connection())
"""
# What PgBouncer takes in a start-up packet; it refuses all else.
POOLERS_TAKE = {
    "user",
    "database",
    "application_name",
    "client_encoding",
    "DateStyle",
    "TimeZone",
    "standard_conforming_strings",
}

FORMER_ORG = text(
    "INSERT INTO orgs (id, name, created_at, version, va_version, accounts_version,"
    " members_version) VALUES (:id, 'Acme', '2026-11-22 12:42:00', 1, 1, 1, 1)"
)
FORMER_EVENT = text(
    "INSERT INTO admin_events (id, org_id, kind, account_name, details, occurred_at) VALUES"
    """ (:id, :org, 'account_renamed', :name, '{"from": "Acme"}', '2026-11-22 12:42:00.000000')"""
)

Row = Callable[..., Insert]

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def revision(database: Database) -> str | None:
    with database.read() as session:
        return migrations.current_revision(session.connection())


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def migrate_to(database: Database, command: str, where: str) -> None:
    with database.write() as session:
        migrations.run(command, session.connection(), where)


def test_the_models_are_what_the_migrations_made(database_url: str) -> None:
    alembic = Path(sysconfig.get_path("scripts")) / "alembic"
    settings = environment(DATABASE_URL=database_url, PRESENCE_SECRET_KEY=SECRET_KEY)
    checked = subprocess.run(
        [alembic, "check"], cwd=ROOT, env=settings, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "No new upgrade operations detected" in checked.stdout


def test_down_to_nothing_and_up_again(empty_url: str) -> None:
    migrate(empty_url)
    with opened(empty_url) as database:
        before = tables(database)
        with database.write() as session:
            session.add(User(created_at=utc_now()))
        migrate_to(database, "downgrade", "base")
        assert tables(database) == {"alembic_version"}
        assert revision(database) is None
        migrate_to(database, "upgrade", "head")
        assert tables(database) == before
        assert revision(database) == migrations.head_revision()


def test_the_audit_log_keeps_what_the_admin_log_had(empty_url: str) -> None:
    with opened(empty_url) as database:
        migrate_to(database, "upgrade", "0004")
        org, events = uuid4(), [uuid4() for _ in range(3)]
        with database.write() as session:
            session.execute(FORMER_ORG, {"id": dialect_id(database, org)})
            for number, id_ in enumerate(events):
                named = {"id": dialect_id(database, id_), "org": dialect_id(database, org)}
                session.execute(FORMER_EVENT, {**named, "name": f"Acme {number}"})
        for command, where in (("upgrade", "head"), ("downgrade", "0004"), ("upgrade", "head")):
            migrate_to(database, command, where)
        with database.write() as session:
            session.execute(
                insert(AuditEvent).values(
                    org_id=org, kind="signed_in", details={}, address="::1", occurred_at=utc_now()
                )
            )
            session.commit()
            found = session.scalars(select(AuditEvent).order_by(AuditEvent.seq)).all()
        assert [event.id for event in found[:3]] == events
        assert [event.account_name for event in found] == ["Acme 0", "Acme 1", "Acme 2", None]
        assert found[0].details == {"from": "Acme"}
        # Where only the newer release knows the kind, going back drops the entry.
        migrate_to(database, "downgrade", "0004")
        migrate_to(database, "upgrade", "head")
        with database.read() as session:
            assert len(session.scalars(select(AuditEvent)).all()) == 3


def dialect_id(database: Database, id_: UUID) -> str:
    return id_.hex if database.is_sqlite else str(id_)


def test_upgrade_says_whether_there_was_anything_to_do(empty_url: str) -> None:
    with opened(empty_url) as database:
        for anything in (True, False):
            with database.write() as session:
                assert migrations.upgrade(session.connection()) is anything


def test_two_processes_upgrade_an_empty_database_at_once(empty_url: str) -> None:
    settings = environment(DATABASE_URL=empty_url, PRESENCE_SECRET_KEY=SECRET_KEY)

    def start() -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-c", UPGRADE],
            cwd=ROOT,
            env=settings,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )

    with opened(empty_url) as database, start() as one, start() as other:
        # The file of an SQLite database is there and WAL: only the schema is raced for.
        assert tables(database) == set()
        for process in (one, other):
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
        for process in (one, other):
            assert process.stdin
            process.stdin.write(b"go\n")
            process.stdin.flush()
        for process in (one, other):
            _, errors = process.communicate(timeout=60)
            assert (process.returncode, errors) == (0, b"")
        assert revision(database) == migrations.head_revision()


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
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), database.write() as session:
        session.execute(crossing)
    with database.write() as session:
        session.execute(proper)


@only_sqlite
def test_sqlite_is_set_for_many_processes_and_for_erasing(database: Database) -> None:
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 4000, "secure_delete": 1}
    for transaction in (database.read, database.write):
        with transaction() as session:
            found = {name: session.scalar(text(f"PRAGMA {name}")) for name in wanted}
            assert found == wanted


@only_postgresql
def test_postgresql_bounds_each_transaction_and_no_session(database: Database) -> None:
    limits = {"statement_timeout": "5s", "lock_timeout": "4s"}
    for transaction in (database.read, database.write):
        with transaction() as session:
            assert {name: session.scalar(text(f"SHOW {name}")) for name in limits} == limits
            dbapi: Any = session.connection().connection.dbapi_connection
            session.rollback()
            with dbapi.cursor() as cursor:
                cursor.execute("SHOW statement_timeout")
                assert cursor.fetchone() == ("0",)
            dbapi.rollback()


@only_postgresql
def test_read_can_write_nothing(database: Database) -> None:
    with database.read() as session:
        assert session.scalar(text("SHOW transaction_isolation")) == "repeatable read"
        with pytest.raises(InternalError, match="read-only transaction"):
            session.execute(insert(User).values(id=uuid4(), created_at=utc_now()))


def test_a_transaction_pooler_would_take_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as pooler:
        pooler.settimeout(60)
        heard: list[bytes] = []
        listening = threading.Thread(target=lambda: heard.append(first_packet(pooler)))
        listening.start()
        port = pooler.getsockname()[1]
        url = f"postgresql://ana@127.0.0.1:{port}/presence?sslmode=disable&gssencmode=disable"
        with opened(url) as database, pytest.raises(OperationalError), database.read() as session:
            session.connection()
        listening.join()
    names = heard[0][8:].rstrip(b"\0").decode().split("\0")[::2]
    assert {"user", "database"} <= set(names) <= POOLERS_TAKE


def first_packet(pooler: socket.socket) -> bytes:
    connection, _ = pooler.accept()
    with connection:
        return connection.recv(4096)


def test_read_sees_one_state_while_a_writer_commits(database: Database, world: World) -> None:
    versions = select(Org.version).where(Org.id == world.id)
    names = text("SELECT name FROM accounts")
    with database.read() as session:
        before = session.scalars(versions).one()
        world.account("Acme Dental")
        assert session.scalars(versions).one() == before
        assert session.scalars(names).all() == []
    with database.read() as session:
        assert session.scalars(versions).one() > before
        assert session.scalars(names).all() == ["Acme Dental"]


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 11, 22, 12, 42)
    with pytest.raises(StatementError, match="without a zone"), database.write() as session:
        session.execute(insert(User).values(id=uuid4(), created_at=naive))


def test_a_time_of_any_zone_comes_back_as_utc(database: Database) -> None:
    noon = datetime(2026, 11, 22, 20, tzinfo=timezone(timedelta(hours=8)))
    with database.write() as session:
        session.execute(insert(User).values(id=uuid4(), created_at=noon))
    with database.read() as session:
        found = session.scalars(select(User.created_at)).one()
    assert found.isoformat() == "2026-11-22T12:00:00+00:00"
    assert found.tzinfo is UTC


def test_the_previous_release_erases_members_who_have_sessions(world: World) -> None:
    """It knows the tables before 0006 alone."""
    ana, acme = world.va(), world.account()
    world.token(ana)
    world.token(ana, account=acme)
    with world.database.write() as session:
        for table in (IdempotencyKey, AccessCode):
            session.execute(delete(table).where(table.membership_id == ana.id))
        session.execute(delete(Membership).where(Membership.id == ana.id))
    with world.database.read() as session:
        assert session.scalars(select(MemberSession.id)).all() == []


def test_the_previous_release_issues_codes_beside_this_one(world: World) -> None:
    ana = world.va()
    with world.database.write() as session:
        columns = {column.name for column in AccessCode.__table__.c} - {"last_used_at"}
        row = {"id": uuid4(), "org_id": world.id, "membership_id": ana.id, "digest": b"x"}
        row |= {"account_id": None, "expires_at": None, "revoked_at": None}
        assert set(row) | {"created_at"} == columns
        session.execute(insert(AccessCode).values(**row, created_at=utc_now()))
    with world.database.read() as session:
        assert session.scalars(select(AccessCode.last_used_at)).all() == [None]
