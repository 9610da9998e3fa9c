"""What each of the two databases promises."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from models import Org, User
from models.database import Database, Patience
from models.reach import EVERY_ORG, NO_ORG
from services.times import utc_now
from tests.support.databases import opened
from tests.support.world import World

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
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@only_sqlite
def test_sqlite_is_set_for_many_processes_and_for_erasing(database: Database) -> None:
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 4000, "secure_delete": 1}
    for transaction in (database.read, database.write):
        with transaction(NO_ORG) as session:
            found = {name: session.scalar(text(f"PRAGMA {name}")) for name in wanted}
            assert found == wanted


@only_postgresql
def test_postgresql_bounds_each_transaction_and_no_session(database: Database) -> None:
    limits = {"statement_timeout": "5s", "lock_timeout": "4s"}
    for transaction in (database.read, database.write):
        with transaction(NO_ORG) as session:
            assert {name: session.scalar(text(f"SHOW {name}")) for name in limits} == limits
            dbapi: Any = session.connection().connection.dbapi_connection
            session.rollback()
            with dbapi.cursor() as cursor:
                cursor.execute("SHOW statement_timeout")
                assert cursor.fetchone() == ("0",)
            dbapi.rollback()


@only_postgresql
def test_a_write_may_be_given_less_time_also_when_it_has_begun(database: Database) -> None:
    for patience, limits in (
        (Patience(99, 99), (4000, 5000)),
        (Patience(1.5, 2.5), (1500, 2500)),
        (Patience(-1, -1), (100, 100)),
    ):
        with database.write(NO_ORG, patience) as session:
            assert_limits(session, *limits)
            database.limit(session, Patience(0.5, 0.6))
            assert_limits(session, 500, 600)
        with database.write(NO_ORG) as session:
            assert_limits(session, 4000, 5000)


def assert_limits(session: Session, for_locks: int, for_statements: int) -> None:
    wanted = {"lock_timeout": for_locks, "statement_timeout": for_statements}
    for name, limit in wanted.items():
        named = text("SELECT setting FROM pg_settings WHERE name = :name")
        assert limit - 50 <= int(session.scalar(named, {"name": name}) or 0) <= limit


@only_postgresql
def test_who_waits_behind_others_for_a_lock_waits_no_longer(
    database: Database, world: World
) -> None:
    def lock(_: int) -> float:
        begun = monotonic()
        with (
            pytest.raises(OperationalError),
            database.write(world.id, Patience(2.0, 2.5)) as session,
        ):
            session.scalar(select(Org.id).where(Org.id == world.id).with_for_update(key_share=True))
        return monotonic() - begun

    with world.changing(), ThreadPoolExecutor(3) as threads:
        assert max(threads.map(lock, range(3))) < 3.5  # two timeouts for locks would be 4


@only_sqlite
def test_a_write_waits_for_sqlites_one_writer_no_longer_than_it_may(database: Database) -> None:
    with database.write(NO_ORG, Patience(1.5)) as session:
        assert 1400 <= (session.scalar(text("PRAGMA busy_timeout")) or 0) <= 1500
        begun = monotonic()
        with pytest.raises(PoolTimeout), database.write(NO_ORG, Patience(0.2)):
            pass
        assert 0.2 <= monotonic() - begun < 2


@only_postgresql
def test_read_can_write_nothing(database: Database) -> None:
    with database.read(EVERY_ORG) as session:
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
        with (
            opened(url) as database,
            pytest.raises(OperationalError),
            database.read(EVERY_ORG) as session,
        ):
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
    with database.read(EVERY_ORG) as session:
        before = session.scalars(versions).one()
        world.account("Acme Dental")
        assert session.scalars(versions).one() == before
        assert session.scalars(names).all() == []
    with database.read(EVERY_ORG) as session:
        assert session.scalars(versions).one() > before
        assert session.scalars(names).all() == ["Acme Dental"]
