"""scripts/: who is where, clearing, accounts, people and codes."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from models import Membership
from services import directory
from services.listed_accounts import ListedAccount
from tests.support.programs import program
from tests.support.scripts import SCRIPTS, Admin
from tests.support.server import environment
from tests.support.stage import wait_until
from tests.support.world import World, ago

NOBODY = "00000000-0000-4000-8000-000000000000"
PATIENCE_SECONDS = 60


# Who, and watching


def test_who_shows_the_snapshot(admin: Admin, org: World) -> None:
    org.clock_in(org.va(), org.account())
    lines = admin.run("who").out.splitlines()
    assert lines[0].startswith("ACCOUNT_NAME")
    assert lines[1].startswith("Acme Dental")
    assert "Ana Reyes" in lines[1]
    rows = admin.run("who", "--csv").rows
    assert [row["display_name"] for row in rows] == ["Ana Reyes", ""]


@contextmanager
def watching(admin: Admin, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    with out.open("wb") as file:
        watch = subprocess.Popen([SCRIPTS / "watch"], env=admin.environment, stdout=file)
    try:
        yield watch
    finally:
        watch.terminate()
        watch.wait(PATIENCE_SECONDS)


def said(out: Path) -> list[str]:
    """The lines, without the times."""
    lines = out.read_text().splitlines()
    assert all(time.strptime(line[:8], "%H:%M:%S") for line in lines)
    return [line[10:] for line in lines]


def test_watch_prints_only_changes(
    admin: Admin, org: World, maya: Membership, tmp_path: Path
) -> None:
    ana, ben, out = org.va(), org.va('Ben "B" Cruz'), tmp_path / "out"
    acme, heron = org.account(), org.account("Heron, Bakery")
    org.clock_in(ana, acme)
    with watching(admin, out) as watch:
        expected = ["in      Acme Dental: Ana Reyes"]
        wait_until(lambda: said(out) == expected)
        org.clock_in(ben, heron)
        expected += ['in      Heron, Bakery: Ben "B" Cruz']
        wait_until(lambda: said(out) == expected)
        org.clock_out(ana)
        org.force_clear(maya, heron)
        org.clock_in(ana, heron)
        expected += [
            "out     Acme Dental: Ana Reyes",
            'out     Heron, Bakery: Ben "B" Cruz',
            "in      Heron, Bakery: Ana Reyes",
        ]
        wait_until(lambda: sorted(said(out)) == sorted(expected))
        # Found stale at once, or a poll later.
        org.clock_in(ben, acme, ago(600))
        wait_until(lambda: "stale" in out.read_text())
        org.admin("Noor Haddad")
        org.deactivate(maya)
        assert watch.wait(PATIENCE_SECONDS) == 1


def test_a_va_sees_only_that_an_account_is_taken(admin: Admin, org: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    org.clock_in(org.va(), org.account())
    with watching(Admin(admin.url, org.token(org.va("Ben Cruz"))), out):
        wait_until(lambda: said(out) == ["in      Acme Dental"])


# Clearing


def test_clear_takes_a_name_in_any_case_and_a_reason(
    admin: Admin, org: World, maya: Membership
) -> None:
    ana, acme = org.va(), org.account()
    for account in ("acme DENTAL", str(acme.id)):
        org.clock_in(ana, acme)
        assert admin.run("clear", account, "--reason", "gone home & away + ü").out == ""
        event = org.events()[-1]
        assert (event.kind, event.actor_id) == ("force_clear", maya.user_id)
        assert event.reason == "gone home & away + ü"
    done = admin.try_("clear", "Acme Dental")
    assert (done.status, done.err) == (1, "clear: Nobody is on this account.\n")


def test_clear_stale_says_whom_first(admin: Admin, org: World) -> None:
    ana, acme = org.va(), org.account()
    org.clock_in(ana, acme, ago(1900))
    org.clock_in(org.va("Ben Cruz"), org.account("Heron"), ago(1000))
    before = [held.display_name for held in org.held()]
    dry = admin.run("clear-stale", "30m", "--dry-run").out
    assert "Ana Reyes" in dry
    assert "Acme Dental" in dry
    assert "Ben Cruz" not in dry
    assert [held.display_name for held in org.held()] == before
    assert admin.run("clear-stale", "30m").out == dry
    assert [held.display_name for held in org.held()] == ["Ben Cruz"]
    done = admin.try_("clear-stale", "5s")
    assert done.status == 1
    assert "stale_after (120) or more" in done.err
    assert admin.try_("clear-stale", "soon").status == 2


# Accounts, members, codes

ODD_NAMES = [
    'Say "hi"',
    "back\\slash",
    "=1+1",
    "Müller, Söhne & Co",
    "中文 公司",
    "a%20b",
    "'-quoted",
    "-x",
    "\uff1d1+1",
    "a;=1+1;-2",
    'b;"@x',
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_can_be_given_and_found(admin: Admin, org: World, name: str) -> None:
    account = admin.run("add-account", "--", name).fields
    assert (account["name"], account["archived"]) == (name, "false")
    member = admin.run("add-member", "--role", "admin", "--", name).fields
    assert (member["display_name"], member["role"], member["active"]) == (name, "admin", "true")
    code = admin.run("issue-code", "--account", name, "--", name).fields
    assert (code["member_id"], code["account_id"]) == (member["id"], account["id"])


def test_an_issued_code_lets_in_until_it_is_revoked(admin: Admin, org: World) -> None:
    admin.run("add-member", "Ana Reyes")
    code = admin.run("issue-code", "Ana Reyes", "--expires-in", "8h").fields
    assert sign_in(admin, code["access_code"]) == 200
    assert admin.run("revoke-code", "Ana Reyes").out == ""
    assert sign_in(admin, code["access_code"]) == 401
    done = admin.try_("revoke-code", "Ana Reyes")
    assert (done.status, done.err) == (2, "revoke-code: Ana Reyes has no valid code\n")


def sign_in(admin: Admin, code: str) -> int:
    command = [program("curl"), "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
    body = ["--json", f'{{"access_code": "{code}"}}', f"{admin.url}/v1/sessions"]
    return int(subprocess.run([*command, *body], env=environment(), capture_output=True).stdout)


def test_of_two_good_codes_revoke_code_asks_which(admin: Admin, org: World) -> None:
    org.va()
    one, two = (admin.run("issue-code", "ana reyes").fields for _ in range(2))
    done = admin.try_("revoke-code", "ana reyes")
    assert done.status == 2
    assert one["id"] in done.err
    assert two["id"] in done.err
    admin.run("revoke-code", "ana reyes", "--code", one["id"])
    assert [sign_in(admin, code["access_code"]) for code in (one, two)] == [401, 200]


def test_a_name_that_two_have_is_refused_with_both_ids(admin: Admin, org: World) -> None:
    first, second = org.va(), org.va("ana reyes")
    done = admin.try_("deactivate", "Ana Reyes")
    assert (done.status, done.out) == (2, "")
    assert "is the name of 2 members; say which by its id:" in done.err
    for member in (first, second):
        assert str(member.id) in done.err
    admin.run("deactivate", str(second.id))
    assert [org.member_now(member).active for member in (first, second)] == [True, False]


def test_an_unknown_name_is_refused_with_those_that_there_are(admin: Admin, org: World) -> None:
    org.account()
    done = admin.try_("clear", "Acme Dentist")
    assert done.status == 2
    assert done.err == (
        "clear: there is no account called 'Acme Dentist'; there are:\n  Acme Dental\n"
    )
    assert admin.try_("clear", NOBODY).status == 1


def test_the_last_admin_stays(admin: Admin, maya: Membership) -> None:
    done = admin.try_("deactivate", maya.display_name)
    assert done.status == 1
    assert "last active admin" in done.err


def test_an_account_whose_name_another_has_too_is_named_by_its_id(
    admin: Admin, org: World, maya: Membership
) -> None:
    acme, ana = org.account("Acme"), org.va()
    with org.changing() as change:
        other = ListedAccount(uuid4(), "ACME", archived=True)
        directory.sync(change, accounts=[other], actor=None)
    org.clock_in(ana, acme)
    refused = admin.try_("clear", "acme")
    assert (refused.status, refused.out) == (2, "")
    assert f"{acme.id} (Acme, archived: false)" in refused.err
    assert f"{other.id} (ACME, archived: true)" in refused.err
    assert [held.account_id for held in org.held()] == [acme.id]
    admin.run("clear", str(acme.id))
    assert org.held() == []
