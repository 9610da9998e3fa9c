"""The schema, and how it is brought up to date."""

import subprocess
import sys
import sysconfig
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, inspect, select, text

from models import (
    AccessCode,
    AuditEvent,
    IdempotencyKey,
    MemberSession,
    Membership,
    User,
    migrations,
)
from models.database import Database
from models.reach import EVERY_ORG
from services.times import utc_now
from tests.support import ROOT
from tests.support.databases import migrate, migrate_to, opened, version_table
from tests.support.server import environment
from tests.support.settings import SECRET_KEY
from tests.support.world import World

UPGRADE = """
import settings
from models.migrations import upgrade
from models import database
from models.database import Database
from models.reach import EVERY_ORG

database.LOCK_TIMEOUT_SECONDS = 60  # whoever waits for the other may wait long on a busy machine
database = Database(settings.load())
print("ready", flush=True)
input()
with database.write(EVERY_ORG) as session:
    upgrade(session.connection())
"""


FORMER_ORG = text(
    "INSERT INTO orgs (id, name, created_at, version, va_version, accounts_version,"
    " members_version) VALUES (:id, 'Acme', '2026-11-22 12:42:00', 1, 1, 1, 1)"
)
FORMER_EVENT = text(
    "INSERT INTO admin_events (id, org_id, kind, account_name, details, occurred_at) VALUES"
    """ (:id, :org, 'account_renamed', :name, '{"from": "Acme"}', '2026-11-22 12:42:00.000000')"""
)


def revision(database: Database) -> str | None:
    with database.read(EVERY_ORG) as session:
        return migrations.current_revision(session.connection())


def tables(database: Database) -> set[str]:
    with database.read(EVERY_ORG) as session:
        return set(inspect(session.connection()).get_table_names())


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
        with database.write(EVERY_ORG) as session:
            session.add(User(created_at=utc_now()))
        migrate_to(database, "downgrade", "base")
        assert tables(database) == {version_table(database)}
        assert revision(database) is None
        migrate_to(database, "upgrade", "head")
        assert tables(database) == before
        assert revision(database) == migrations.head_revision()


def test_the_audit_log_keeps_what_the_admin_log_had(empty_url: str) -> None:
    with opened(empty_url) as database:
        migrate_to(database, "upgrade", "0004")
        org, events = uuid4(), [uuid4() for _ in range(3)]
        with database.write(EVERY_ORG) as session:
            session.execute(FORMER_ORG, {"id": dialect_id(database, org)})
            for number, id_ in enumerate(events):
                named = {"id": dialect_id(database, id_), "org": dialect_id(database, org)}
                session.execute(FORMER_EVENT, {**named, "name": f"Acme {number}"})
        for command, where in (("upgrade", "head"), ("downgrade", "0004"), ("upgrade", "head")):
            migrate_to(database, command, where)
        with database.write(EVERY_ORG) as session:
            session.execute(
                insert(AuditEvent).values(
                    org_id=org, kind="signed_in", details={}, address="::1", occurred_at=utc_now()
                )
            )
        with database.read(EVERY_ORG) as session:
            found = session.scalars(select(AuditEvent).order_by(AuditEvent.seq)).all()
        assert [event.id for event in found[:3]] == events
        assert [event.account_name for event in found] == ["Acme 0", "Acme 1", "Acme 2", None]
        assert found[0].details == {"from": "Acme"}
        # Where only the newer release knows the kind, going back drops the entry.
        migrate_to(database, "downgrade", "0004")
        migrate_to(database, "upgrade", "head")
        with database.read(EVERY_ORG) as session:
            assert len(session.scalars(select(AuditEvent)).all()) == 3


def dialect_id(database: Database, id_: UUID) -> str:
    return id_.hex if database.is_sqlite else str(id_)


def test_upgrade_says_whether_there_was_anything_to_do(empty_url: str) -> None:
    with opened(empty_url) as database:
        for anything in (True, False):
            with database.write(EVERY_ORG) as session:
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


def test_the_previous_release_erases_members_who_have_sessions(world: World) -> None:
    """It knows the tables before 0006 alone."""
    ana, acme = world.va(), world.account()
    world.token(ana)
    world.token(ana, account=acme)
    with world.database.write(EVERY_ORG) as session:
        for table in (IdempotencyKey, AccessCode):
            session.execute(delete(table).where(table.membership_id == ana.id))
        session.execute(delete(Membership).where(Membership.id == ana.id))
    with world.database.read(EVERY_ORG) as session:
        assert session.scalars(select(MemberSession.id)).all() == []


def test_the_previous_release_issues_codes_beside_this_one(world: World) -> None:
    ana = world.va()
    with world.database.write(EVERY_ORG) as session:
        columns = {column.name for column in AccessCode.__table__.c} - {"last_used_at"}
        row = {"id": uuid4(), "org_id": world.id, "membership_id": ana.id, "digest": b"x"}
        row |= {"account_id": None, "expires_at": None, "revoked_at": None}
        assert set(row) | {"created_at"} == columns
        session.execute(insert(AccessCode).values(**row, created_at=utc_now()))
    with world.database.read(EVERY_ORG) as session:
        assert session.scalars(select(AccessCode.last_used_at)).all() == [None]
