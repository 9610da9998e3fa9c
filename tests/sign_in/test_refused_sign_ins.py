"""A refused access code that was known stands in the audit log; the answer does not tell."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import metrics
from models import AccessCode, AuditEvent, Membership
from services import access_codes
from services.times import utc_now
from tests.support.app_client import AppAnswer, AppClient
from tests.support.log_lines import Lines
from tests.support.problems import assert_problem
from tests.support.world import World, ago

UNKNOWN = "K7QF-9TWM-2XHP"


def enter(client: AppClient, code: str, address: str = "192.0.2.1", **body: Any) -> AppAnswer:
    path = "clock-in" if body else "sessions"
    return client.post(
        f"/v1/{path}",
        json={"access_code": code, **body},
        environ_overrides={"REMOTE_ADDR": address},
    )


def refusals(world: World) -> list[AuditEvent]:
    return [event for event in world.log() if event.kind == "sign_in_refused"]


def issue(world: World, member: Membership, **options: Any) -> tuple[str, str]:
    """A code's id, and the code."""
    with world.changing() as change:
        row, typed = access_codes.issue(change, member, actor=None, **options)
    return str(row.id), typed


def revoked(world: World, ana: Membership) -> tuple[str, str]:
    id_, typed = issue(world, ana)
    with world.changing() as change:
        code = change.session.get_one(AccessCode, UUID(id_))
        access_codes.revoke(change, code, world.member_now(ana), actor=None)
    return id_, typed


def expired(world: World, ana: Membership) -> tuple[str, str]:
    return issue(world, ana, expires_at=ago(1))


def deactivated(world: World, ana: Membership) -> tuple[str, str]:
    id_, typed = issue(world, ana)
    world.deactivate(ana)
    return id_, typed


Fault = Callable[[World, Membership], tuple[str, str]]


def counted(result: str) -> float:
    found = metrics.REGISTRY.get_sample_value("presence_sign_ins_total", {"result": result})
    return found or 0.0


@pytest.mark.parametrize("fault", [revoked, expired, deactivated])
@pytest.mark.parametrize("path", ["sessions", "clock-in"])
def test_a_known_code_that_is_refused_is_kept(
    world: World, client: AppClient, lines: Lines, fault: Fault, path: str
) -> None:
    ana, acme = world.va(), world.account()
    code_id, typed = fault(world, ana)
    before, versions = counted(fault.__name__), world.versions()
    body = {"account_id": str(acme.id)} if path == "clock-in" else {}
    assert_problem(enter(client, typed, "2001:db8::7", **body), 401, "access_code_rejected")
    (event,) = refusals(world)
    assert event.details == {"code_id": code_id, "reason": fault.__name__}
    assert (event.user_id, event.display_name) == (ana.user_id, "Ana Reyes")
    assert (event.actor_id, event.actor_name) == (None, None)
    assert event.address == "2001:db8::7"
    (line,) = lines()
    told = f"reason={fault.__name__} access_code={code_id} member={ana.id} address=2001:db8::7"
    assert f"401 access_code_rejected {told} request_id=" in line
    assert counted(fault.__name__) == before + 1
    assert world.versions() == versions


def test_an_unknown_code_is_logged_and_counted_alone(
    world: World, client: AppClient, lines: Lines
) -> None:
    before = counted("unknown")
    for typed in (UNKNOWN, "no code at all", "", "x" * 5000):
        assert_problem(enter(client, typed), 401, "access_code_rejected")
    assert refusals(world) == []
    found = lines()
    assert len(found) == 4
    assert all("401 access_code_rejected reason=unknown address=192.0.2.1" in f for f in found)
    assert counted("unknown") == before + 4


def test_an_account_that_the_code_is_not_for_is_kept(
    world: World, client: AppClient, lines: Lines
) -> None:
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    code_id, typed = issue(world, ana, account=acme)
    for _ in range(3):
        answer = enter(client, typed, account_id=str(heron.id))
        assert_problem(answer, 403, "account_not_allowed")
    (event,) = refusals(world)
    assert event.details == {"code_id": code_id, "reason": "not_allowed"}
    assert (event.user_id, event.account_id) == (ana.user_id, acme.id)
    assert event.address == "192.0.2.1"
    assert f"reason=not_allowed access_code={code_id}" in " ".join(lines())
    assert enter(client, typed, account_id=str(acme.id)).status_code == 201


def test_a_right_code_leaves_no_refusal(world: World, client: AppClient) -> None:
    code, before = world.code(world.va()), counted("accepted")
    assert enter(client, code).status_code == 200
    assert refusals(world) == []
    assert counted("accepted") == before + 1


def test_hammering_does_not_fill_the_log(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    monkeypatch.setattr("routes.sign_in_limit.utc_now", lambda: now)
    ana = world.va()
    codes = [expired(world, ana)[1], expired(world, ana)[1]]
    before = counted("locked_out")
    for code in codes * 10:
        enter(client, code)
    assert len(refusals(world)) == 2  # one of each
    assert counted("locked_out") == before + 10
    for number in range(30):
        enter(client, codes[0], f"198.51.100.{number}")
    assert len(refusals(world)) == 11  # ten of one code
    now = utc_now() + timedelta(seconds=61)
    enter(client, codes[0])
    assert len(refusals(world)) == 12


def test_an_admin_reads_who_was_refused(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    code_id, typed = expired(world, ana)
    enter(client, typed)
    path = f"admin/audit-events?kind=sign_in_refused&user_id={ana.user_id}"
    (entry,) = world.get(client, maya, path).json["audit_events"]
    assert entry["details"] == {"code_id": code_id, "reason": "expired"}
    assert entry["address"] == "192.0.2.1"
    world.erase(ana)
    (entry,) = world.get(client, maya, "admin/audit-events?kind=sign_in_refused").json[
        "audit_events"
    ]
    assert (entry["user_id"], entry["address"]) == (None, None)


def test_another_orgs_admin_reads_nothing_of_it(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Other org")
    enter(client, expired(world, world.va())[1])
    assert refusals(other) == []
    answer = other.get(client, other.admin(), "admin/audit-events?kind=sign_in_refused")
    assert answer.json["audit_events"] == []
