"""A working day of an org, and what it leaves: the board, the history, the hours, the CSV."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.times import rfc3339
from tests.support.databases import database_of, migrate, opened
from tests.support.scripts import fields, table
from tests.support.server import copy_project
from tests.support.settings import settings_for
from tests.support.stage import wait_until
from tests.support.working_org import Va, WorkingOrg, on_board
from tests.support.world import World

ACCOUNTS = [
    "Acme Dental",
    "Cedar Law",
    "Delta Plumbing",
    "Elm Street Yoga",
    'Fuchs, Söhne "GmbH"',
    "=Gamma",
    "Heron Bakery",
]
VAS = ["Ana", "Ben", "Carla", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jun"]

# By hand. Times are hours before the beginning of the test; "later" is after it.
HOURS = """\
   2:30:00  Ana on Acme Dental
   4:00:00  Ana on Fuchs, Söhne "GmbH"
   2:00:00  Ben on Acme Dental
   2:00:00  Ben on Delta Plumbing
   6:00:00  Carla on Elm Street Yoga
   2:00:00  Dan on Delta Plumbing
   1:00:00  Eve on Cedar Law
   8:00:00  Finn on Cedar Law
   2:00:00  Gus on =Gamma
   4:00:00  Hana on =Gamma
   3:00:00  Hana on Heron Bakery
   1:00:00  Ivo on Cedar Law
   1:00:00  Jun on Acme Dental
  38:30:00  total
"""
HISTORY = """\
-8.0  clock_in     Acme Dental: Ana
-8.0  clock_in     Cedar Law: Finn
-7.0  clock_in     Delta Plumbing: Ben
-7.0  clock_in     Heron Bakery: Hana
-6.0  clock_in     =Gamma: Gus
-6.0  clock_in     Elm Street Yoga: Carla
-5.5  clock_out    Acme Dental: Ana (user)
-5.0  clock_in     Fuchs, Söhne "GmbH": Ana
-5.0  switch       Acme Dental: Ben
-4.0  clock_out    =Gamma: Gus (user)
-4.0  switch       =Gamma: Hana
-3.0  clock_in     Cedar Law: Ivo
-3.0  clock_out    Acme Dental: Ben (user)
-2.0  clock_in     Delta Plumbing: Dan
-2.0  clock_out    Cedar Law: Ivo (user)
-1.0  clock_in     Acme Dental: Jun
-1.0  clock_in     Cedar Law: Eve
-1.0  clock_out    Fuchs, Söhne "GmbH": Ana (user)
later  clock_in     =Gamma: Gus
later  clock_in     Fuchs, Söhne "GmbH": Gus
later  expire       Cedar Law: Finn
later  force_clear  =Gamma: Hana (deactivated)
later  force_clear  Cedar Law: Eve (unseen for 2 s)
later  force_clear  Delta Plumbing: Dan (unseen for 2 s)
later  force_clear  Elm Street Yoga: Carla (gone home & forgot)
later  force_clear  Fuchs, Söhne "GmbH": Gus (not Gus)
"""
BOARD = {"Acme Dental": "Jun", "=Gamma": "Gus"}
ADMINISTERED = {
    ("Maya", "account_added"): 7,
    ("Maya", "member_added"): 11,
    ("Maya", "code_issued"): 11,
    ("Noor", "code_revoked"): 1,
    ("Noor", "code_issued"): 1,
    ("Maya", "member_deactivated"): 1,
    ("Noor", "session_ended"): 2,  # those of the code that was revoked
    ("Maya", "session_ended"): 1,  # with the member
}

# Short, and yet long enough for both admins to look on a busy machine.
NIGHT = {"HEARTBEAT_INTERVAL": "1", "STALE_AFTER": "2", "EXPIRE_AFTER": "10"}
EVENING = {"HEARTBEAT_INTERVAL": "1", "STALE_AFTER": "2"}


@pytest.fixture(params=["sqlite", "postgresql"])
def org(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WorkingOrg]:
    """An operator made it and its first admin; the test does all else."""
    with database_of(request, tmp_path) as url:
        migrate(url)
        org = WorkingOrg(copy_project(tmp_path / "presence"), url)
        with opened(url) as database:
            world = World(database, settings_for(url))
            org.tokens["Maya"] = world.token(world.admin("Maya"))
        yield org


@pytest.mark.usefixtures("curl_program")
def test_a_working_day(org: WorkingOrg, tmp_path: Path) -> None:
    with org.served(**NIGHT):
        set_up(org)
        finn_forgets(org)
    with org.served():
        people_work(org)
        admins_look_after_things(org)
    with org.served(**EVENING):
        the_forgetful_are_cleared(org)
        assert org.vas["Jun"].clock_in("Acme Dental", 1) == 201
        assert org.vas["Gus"].clock_in("=Gamma") == 201
        org.expect_board(BOARD)
        assert_hours(org)
        assert_history(org)
        assert_export(org, tmp_path / "export")


def set_up(org: WorkingOrg) -> None:
    for name in ACCOUNTS:
        org.account_ids[name] = fields(org.run("Maya", "add-account", name))["id"]
    org.run("Maya", "add-member", "Noor", "--role", "admin")
    for name in VAS:
        org.run("Maya", "add-member", name)
        if name != "Jun":
            org.vas[name] = org.issue_code("Maya", name)
    # Noor signs in as everyone does.
    code = org.issue_code("Maya", "Noor").code
    status, session = org.curl("sessions", "", "--json", json.dumps({"access_code": code}))
    assert (status, session["member"]["role"]) == (200, "admin")
    org.tokens["Noor"] = session["token"]


def finn_forgets(org: WorkingOrg) -> None:
    """His presence ends by itself, as does his right to say so."""
    assert org.vas["Finn"].clock_in("Cedar Law", 8) == 201
    org.expect_board({"Cedar Law": "Finn"})
    org.expect_board({})


def people_work(org: WorkingOrg) -> None:
    ana, ben, gus, hana, ivo = (org.vas[name] for name in ("Ana", "Ben", "Gus", "Hana", "Ivo"))
    assert ana.clock_in("Acme Dental", 8) == 201
    assert ben.clock_in("Delta Plumbing", 7) == 201
    assert hana.clock_in("Heron Bakery", 7) == 201
    assert gus.clock_in("=Gamma", 6) == 201
    assert org.vas["Carla"].clock_in("Elm Street Yoga", 6) == 201
    assert ana.clock_out(5.5) == 200
    assert ana.clock_in('Fuchs, Söhne "GmbH"', 5) == 201
    assert gus.clock_out(4) == 200
    assert ivo.clock_in("Cedar Law", 3) == 201
    assert ivo.clock_out(2) == 200
    assert org.vas["Eve"].clock_in("Cedar Law", 1) == 201
    # Nobody gets onto an account that is taken; a switch takes the other one with it.
    assert org.vas["Dan"].clock_in("Delta Plumbing", 2) == 409
    assert ben.clock_in("Acme Dental", 5) == 201
    assert org.vas["Dan"].clock_in("Delta Plumbing", 2) == 201
    assert hana.clock_in("=Gamma", 4) == 201
    assert ben.clock_out(3) == 200
    assert ana.clock_out(1) == 200


def admins_look_after_things(org: WorkingOrg) -> None:
    there = {"Cedar Law": "Eve", "Delta Plumbing": "Dan", "=Gamma": "Hana"}
    org.expect_board(there | {"Elm Street Yoga": "Carla"})
    org.run("Maya", "clear", "elm street yoga", "--reason", "gone home & forgot")

    stranger = Va(org, org.vas["Gus"].code)
    assert stranger.clock_in('Fuchs, Söhne "GmbH"') == 201
    org.expect_board(there | {'Fuchs, Söhne "GmbH"': "Gus"})
    org.run("Noor", "revoke-code", "Gus")
    org.run("Noor", "clear", 'Fuchs, Söhne "GmbH"', "--reason", "not Gus")
    assert stranger.me()[1]["reason"] == "revoked"
    assert Va(org, stranger.code).clock_in("Acme Dental") == 401
    org.vas["Gus"] = org.issue_code("Noor", "Gus")

    org.run("Maya", "deactivate", "Hana")
    assert org.vas["Hana"].me()[1]["reason"] == "deactivated"
    assert Va(org, org.vas["Hana"].code).clock_in("Acme Dental") == 401


def the_forgetful_are_cleared(org: WorkingOrg) -> None:
    def unseen() -> str:
        return org.run("Noor", "clear-stale", "2s", "--dry-run")

    wait_until(lambda: "Dan" in unseen() and "Eve" in unseen())
    assert len(unseen().splitlines()) == 3
    org.expect_board({"Cedar Law": "Eve", "Delta Plumbing": "Dan"})
    org.run("Noor", "clear-stale", "2s")
    org.expect_board({})
    org.vas["Jun"] = org.issue_code("Maya", "Jun")


def assert_hours(org: WorkingOrg) -> None:
    """Up to the beginning of the test, of which all is known."""
    begin = rfc3339(org.begin)
    span = ["--from", rfc3339(org.begin - timedelta(days=1)), "--to", begin]
    assert org.run("Maya", "hours", *span, "--by", "member,account") == HOURS
    for by in ("account,member", "day,account", "day,member", "member", "account", "day"):
        for zone in ("UTC", "America/St_Johns"):
            out = org.run("Maya", "hours", *span, "--by", by, "--tz", zone)
            assert out.splitlines()[-1] == HOURS.splitlines()[-1]
    rows = table(org.run("Noor", "hours", *span, "--by", "member,account", "--csv"))
    assert [text_of(row) for row in rows] == HOURS.splitlines()[:-1]


def text_of(row: dict[str, str]) -> str:
    length = timedelta(seconds=int(row["seconds"]))
    account = row["account_name"].removeprefix("'")
    return f"{length!s:>10}  {row['display_name']} on {account}"


def assert_history(org: WorkingOrg) -> None:
    lines = org.run("Noor", "history").splitlines()
    times = [line[:24] for line in lines]
    assert times == sorted(times, reverse=True)
    since = [f"{when(org, line[:24])}{line[24:]}" for line in lines]
    # What the sweep finds depends on how fast this machine is.
    by_people = [line for line in since if line.split()[1] not in ("stale", "resume")]
    assert sorted(by_people) == sorted(HISTORY.splitlines())


def when(org: WorkingOrg, moment: str) -> str:
    hours = (datetime.fromisoformat(moment) - org.begin) / timedelta(hours=1)
    return f"{hours}" if hours < 0 else "later"


def assert_export(org: WorkingOrg, folder: Path) -> None:
    history = org.run("Maya", "history", "--csv")
    org.run("Maya", "export", str(folder))
    saved = {path.name: path.read_text() for path in folder.iterdir()}
    # A presence may have become stale meanwhile.
    assert [row for row in table(saved["clock-events.csv"]) if row["kind"] != "stale"] == [
        row for row in table(history) if row["kind"] != "stale"
    ]
    assert on_board(saved["presence.csv"]) == BOARD
    assert [row["name"] for row in table(saved["accounts.csv"])] == sorted(
        ("'=Gamma" if name == "=Gamma" else name for name in ACCOUNTS), key=lambda n: n.lstrip("'")
    )
    members = {row["display_name"]: row["active"] for row in table(saved["members.csv"])}
    assert members == {"Maya": "true", "Noor": "true"} | dict.fromkeys(VAS, "true") | {
        "Hana": "false"
    }
    done = [(row["actor_name"], row["kind"]) for row in table(saved["audit-events.csv"])]
    changed = [each for each in done if each[0] and each[1] != "signed_in"]
    assert {each: changed.count(each) for each in set(changed)} == ADMINISTERED
    codes = table(saved["access-codes.csv"])
    assert (len(codes), sum(bool(row["revoked_at"]) for row in codes)) == (12, 1)
    for va in org.vas.values():
        assert va.code not in "".join(saved.values())
