"""scripts/: history, hours, export."""

import stat
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from models import ClockEvent, Membership
from models.reach import EVERY_ORG
from services.times import utc_now
from tests.support.scripts import Admin, table
from tests.support.world import World, ago

COPIED = [
    column.name for column in ClockEvent.__table__.columns if column.name not in ("seq", "id")
]


def long_history(org: World, length: int) -> None:
    """So many entries of one presence: it is only about how much there is."""
    held = org.clock_in(org.va(), org.account("Acme, Dental"))
    (first,) = org.events()
    with org.database.write(EVERY_ORG) as session:
        session.execute(
            insert(ClockEvent),
            [
                {
                    **{name: getattr(first, name) for name in COPIED},
                    "kind": ("stale", "resume")[number % 2],
                    "occurred_at": held.clocked_in_at + timedelta(milliseconds=number),
                }
                for number in range(1, length)
            ],
        )


def test_history_follows_every_page(admin: Admin, org: World) -> None:
    long_history(org, 1005)
    rows = admin.run("history", "--csv").rows
    assert len({row["id"] for row in rows}) == len(rows) == 1005
    assert [row["kind"] for row in rows] == ["stale", "resume"] * 502 + ["clock_in"]
    lines = admin.run("history").out.splitlines()
    assert [line[26:] for line in lines[-2:]] == [
        "resume       Acme, Dental: Ana Reyes",
        "clock_in     Acme, Dental: Ana Reyes",
    ]
    assert len(lines) == 1005


def test_history_begins_where_it_is_told(admin: Admin, org: World, maya: Membership) -> None:
    ana, acme = org.va(), org.account()
    org.clock_in(ana, acme, ago(2 * 86400))
    org.clock_in(ana, acme, ago(60))
    org.force_clear(maya, acme, reason='gone home,\n"early"')
    cleared, _ = rows = admin.run("history", "--csv").rows
    assert [row["kind"] for row in rows] == ["force_clear", "clock_in"]
    assert cleared["reason"] == 'gone home,\n"early"'
    newest = admin.run("history", "--since", "30m").out.splitlines()[0]
    assert newest.endswith('  force_clear  Acme Dental: Ana Reyes (gone home, "early")')
    assert len(admin.run("history", "--since", "2000-01-01T00:00:00Z").out.splitlines()) > 3
    assert admin.try_("history", "--since", "Tuesday").status == 2


def test_hours_add_up(admin: Admin, org: World, maya: Membership) -> None:
    ana, acme, heron = org.va(), org.account(), org.account("Heron")
    now = utc_now()
    org.clock_in(ana, acme, occurred_at=now - timedelta(seconds=7200))
    org.clock_in(ana, heron, occurred_at=now - timedelta(seconds=5400))
    org.clock_out(ana, occurred_at=now - timedelta(seconds=4500))
    query = ["--from", "2000-01-01", "--by", "member,account"]
    assert admin.run("hours", *query).out == (
        "   0:30:00  Ana Reyes on Acme Dental\n   0:15:00  Ana Reyes on Heron\n   0:45:00  total\n"
    )
    assert [row["seconds"] for row in admin.run("hours", *query, "--csv").rows] == ["1800", "900"]
    late = ["--from", "2000-01-01T00:00:00+01:00", "--tz", "Europe/Berlin", "--by", "day"]
    assert admin.run("hours", *late).out.endswith("   0:45:00  total\n")
    done = admin.try_("hours", "--from", "2000-01-01", "--tz", "Europe/Berlin")
    assert done.status == 2
    assert "with the offset" in done.err


def test_export_has_everything_but_the_codes(admin: Admin, org: World, tmp_path: Path) -> None:
    long_history(org, 1002)
    org.account("=Gamma")
    code = org.code(org.va("Ben Cruz"))
    folder = tmp_path / "export"
    admin.run("export", str(folder))
    files = {path.name: table(path.read_text()) for path in folder.iterdir()}
    assert {name: len(rows) for name, rows in files.items()} == {
        "accounts.csv": 2,
        "members.csv": 3,
        "access-codes.csv": 1,
        "presence.csv": 2,
        "clock-events.csv": 1002,
        "audit-events.csv": len(org.log()),
    }
    assert "'=Gamma" in (folder / "accounts.csv").read_text()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert code not in path.read_text()
    assert admin.try_("export", str(folder)).status == 2


def test_half_an_export_is_none(admin: Admin, org: World, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    done = Admin(admin.url, org.token(org.va())).try_("export", str(folder))
    assert done.status == 1
    assert not folder.exists()
