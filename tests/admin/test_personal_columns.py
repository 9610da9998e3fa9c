"""Columns that tell of a person are marked where they are declared, and erased."""

import subprocess
import sys
from pathlib import Path

from models import Base, migrations
from models.personal import mark_of
from tests.support.server import copy_project, environment
from tests.support.settings import SECRET_KEY
from tests.support.stage import edit

# Rows that outlive the people in them, and their columns that tell of nobody.
IMPERSONAL = {
    "orgs": {"id", "name", "created_at", "version", "va_version", "accounts_version"}
    | {"members_version"},
    "accounts": {"id", "org_id", "name", "name_casefolded", "created_at", "archived_at"},
    "clock_events": {"seq", "id", "org_id", "kind", "account_id", "account_name", "presence_id"}
    | {"occurred_at", "received_at", "version", "from_account_id", "from_presence_id"}
    | {"last_heartbeat_at"},
    "audit_events": {"seq", "id", "org_id", "kind", "account_id", "account_name", "occurred_at"},
    "issuer_keys": {"issuer", "keys", "read_at", "tried_at", "wanted_at"},
    "rate_limits": {"key", "hits", "expires_at"},  # deleted after a minute
}
DELETED_WITH_THE_MEMBER = {"memberships", "users"}

LAST_COLUMN = "    from_presence_id: Mapped[UUID | None]\n"
MOOD = """
    mood: Mapped[str | None] = mapped_column(info=personal("user_id", becomes="erased mood"))
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "HEAD"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clock_events", sa.Column("mood", sa.String(), nullable=True))
""".replace("HEAD", str(migrations.head_revision()))
ERASE_ANA = """
import settings
from models import ClockEvent, Membership, migrations
from models.database import Database
from models.reach import EVERY_ORG
from services import accounts, erasing, members, orgs, presences
from services.change import changing
from services.times import utc_now
from sqlalchemy import select, update

loaded = settings.load()
database = Database(loaded)
with database.write(EVERY_ORG) as session:
    migrations.upgrade(session.connection())
with database.write(EVERY_ORG) as session:
    org = orgs.create(session, "Acme", now=utc_now())
    with changing(session, org.id, settings=loaded, clock=utc_now) as change:
        for name in ("Ana", "Ben"):
            member = members.add(change, display_name=name, role="va", actor=None)
            account = accounts.add(change, name, actor=None)
            presences.put(change, member, account, None, occurred_at=change.now)
        session.execute(update(ClockEvent).values(mood="tired"))
        ana = session.scalars(select(Membership).where(Membership.display_name == "Ana")).one()
        erasing.erase_member(change, ana)
with database.read(EVERY_ORG) as session:
    for event in session.scalars(select(ClockEvent).where(ClockEvent.kind == "clock_in")):
        print(event.display_name, event.mood)
"""


def test_every_column_that_outlives_a_person_is_marked_or_tells_of_nobody() -> None:
    for table in Base.metadata.sorted_tables:
        if "membership_id" in table.c or table.name in DELETED_WITH_THE_MEMBER:
            continue
        unmarked = {column.name for column in table.c if mark_of(column.info) is None}
        assert unmarked == IMPERSONAL[table.name], table.name


def test_a_new_personal_column_is_erased(empty_url: str, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "presence")
    edit(project / "models/clock_event.py", LAST_COLUMN, MOOD + LAST_COLUMN)
    (project / "alembic/versions/9999_moods.py").write_text(MIGRATION)
    done = subprocess.run(
        [sys.executable, "-c", ERASE_ANA],
        cwd=project,
        env=environment(DATABASE_URL=empty_url, PRESENCE_SECRET_KEY=SECRET_KEY),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["(erased) erased mood", "Ben tired"]
