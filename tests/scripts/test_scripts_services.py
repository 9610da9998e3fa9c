"""scripts/: services, and what works with their tokens."""

from pathlib import Path

import pytest

from models import Membership
from tests.support.scripts import Admin
from tests.support.services import service
from tests.support.world import World

SCOPES_OF = {
    "presence:read": [["who"]],
    "history:read": [["history"], ["hours"]],
    "presence:write": [["clear-stale", "30m"], ["clear", "{acme}"]],
    "directory:write": [
        ["add-account", "Delta Plumbing"],
        ["add-member", "Noor Haddad"],
        ["deactivate", "Noor Haddad"],
    ],
}
FOR_ADMINS = [
    ["issue-code", "Ana Reyes"],
    ["revoke-code", "Ana Reyes"],
    ["add-service", "Another", "--scopes", "presence:read"],
    ["services"],
    ["remove-service", "Sync job"],
]


def test_a_service_is_made_listed_and_removed(admin: Admin, org: World) -> None:
    made = admin.run("add-service", 'Night "job"', "--scopes", "presence:read,history:read").fields
    robot = Admin(admin.url, made["token"])
    assert robot.run("who").out.startswith("ACCOUNT_NAME")
    (listed,) = admin.run("services", "--csv").rows
    assert (listed["id"], listed["name"]) == (made["id"], 'Night "job"')
    assert "token" not in listed
    assert admin.run("services").out.startswith("NAME")
    assert admin.run("remove-service", 'night "JOB"').out == ""
    while (done := robot.try_("who")).status == 0:
        pass  # it reaches the memory of each worker within a second
    assert (done.status, done.out) == (1, "")
    assert "revoked" in done.err


def test_a_service_lasts_as_asked(admin: Admin) -> None:
    scopes = ("--scopes", "presence:read")
    made = admin.run("add-service", "Short", *scopes, "--expires-in", "2h").fields
    assert made["expires_at"][:13] > made["created_at"][:13]
    done = admin.try_("add-service", "Long", *scopes, "--expires-in", "400d")
    assert (done.status, done.out) == (1, "")
    assert "expires_at: Must be within 365 days from now." in done.err
    done = admin.try_("add-service", "None")
    assert (done.status, "--scopes" in done.err) == (2, True)


@pytest.mark.parametrize("scope", SCOPES_OF)
def test_its_scopes_are_enough_for_the_scripts_that_admin_md_names(
    admin: Admin, org: World, scope: str
) -> None:
    acme = org.account()
    org.clock_in(org.va(), acme)
    robot = Admin(admin.url, service(org, scope).token)
    for command in SCOPES_OF[scope]:
        robot.run(*(part.format(acme=acme.id) for part in command))
    others = [each for other, each in SCOPES_OF.items() if other != scope]
    for command, *_ in others:
        done = robot.try_(*(part.format(acme=acme.id) for part in command))
        assert (done.status, done.out) == (1, "")
        assert "The service's token needs the scope " in done.err


def test_what_no_scope_allows_asks_for_an_admins_token(admin: Admin, org: World) -> None:
    ana = org.va()
    org.code(ana)
    for robot in (service(org), service(org, "history:read", name="Reader")):
        for command in FOR_ADMINS:
            done = Admin(admin.url, robot.token).try_(*command)
            assert (done.status, done.out) == (1, "")
            said = "no scope of a service allows this; use an admin's own token"
            assert done.err == f"{command[0]}: {said}\n"


def test_a_service_exports_all_but_the_codes(
    admin: Admin, org: World, maya: Membership, tmp_path: Path
) -> None:
    robot = Admin(admin.url, service(org, "presence:read", "history:read", "directory:write").token)
    done = robot.try_("export", str(tmp_path / "whole"))
    assert (done.status, "No scope allows this" in done.err) == (1, True)
    assert not (tmp_path / "whole").exists()
    robot.run("export", str(tmp_path / "saved"), "--without-codes")
    assert sorted(path.stem for path in (tmp_path / "saved").iterdir()) == [
        "accounts",
        "audit-events",
        "clock-events",
        "members",
        "presence",
    ]
