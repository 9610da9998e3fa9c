"""What admins change stands in the audit log, with who did it; and only admins change it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from flask import Flask

from models import Account, Membership
from models.audit_event import AUDIT_EVENT_KINDS
from services import access_codes, audit_log
from services.times import rfc3339
from tests.support.app_client import AppClient
from tests.support.commands import as_json
from tests.support.problems import assert_problem
from tests.support.world import World, ago, dump

Call = tuple[str, str, dict[str, Any] | None]


def calls(member: Any, account: Any, code: Any) -> Iterator[Call]:
    """Every call of administration, on these ids."""
    codes = f"admin/members/{member}/access-codes"
    yield "GET", "admin/accounts", None
    yield "POST", "admin/accounts", {"name": "New"}
    yield "PATCH", f"admin/accounts/{account}", {"name": "Other", "archived": True}
    yield "GET", "admin/members", None
    yield "POST", "admin/members", {"display_name": "New", "role": "admin"}
    yield "PATCH", f"admin/members/{member}", {"display_name": "Other", "role": "admin"}
    yield "PATCH", f"admin/members/{member}", {"active": False}
    yield "POST", f"admin/members/{member}/revoke-tokens", {}
    yield "GET", codes, None
    yield "POST", codes, {"account_id": str(account)}
    yield "DELETE", f"{codes}/{code}", None


def send(client: AppClient, call: Call, headers: dict[str, str]) -> Any:
    method, path, body = call
    return client.open(f"/v1/{path}", method=method, json=body, headers=headers)


def code_of(world: World, member: Membership) -> UUID:
    with world.changing() as change:
        return access_codes.issue(change, member, actor=None)[0].id


def of(world: World, since: int = 0) -> list[tuple[Any, ...]]:
    """The log: kind, actor, member, account, details."""
    return [
        (event.kind, event.actor_name, event.display_name, event.account_name, event.details)
        for event in world.log()[since:]
    ]


def test_who_gave_her_access_and_when(world: World, client: AppClient) -> None:
    maya = world.admin()
    ana = world.post(client, maya, "admin/members", display_name="Ana Reyes", role="va").json
    acme = world.post(client, maya, "admin/accounts", name="Acme Dental").json
    path, until = f"admin/members/{ana['id']}", ago(-3600)
    wish = {"account_id": acme["id"], "expires_at": until}
    code = world.post(client, maya, f"{path}/access-codes", **wish).json
    world.delete(client, maya, f"{path}/access-codes/{code['id']}")
    world.post(client, maya, f"{path}/revoke-tokens")
    world.patch(client, maya, path, display_name="Ana Cruz", role="admin")
    world.patch(client, maya, path, active=False)
    world.patch(client, maya, path, active=True)
    path = f"admin/accounts/{acme['id']}"
    world.patch(client, maya, path, name="Acme", archived=True)
    world.patch(client, maya, path, archived=False)
    of_code = {"code_id": code["id"], "expires_at": rfc3339(until)}
    roles, names = {"from": "va", "to": "admin"}, {"from": "Ana Reyes", "to": "Ana Cruz"}
    assert of(world, since=1) == [
        ("member_added", "Maya Chen", "Ana Reyes", None, {"role": "va"}),
        ("account_added", "Maya Chen", None, "Acme Dental", {}),
        ("code_issued", "Maya Chen", "Ana Reyes", "Acme Dental", of_code),
        ("code_revoked", "Maya Chen", "Ana Reyes", "Acme Dental", of_code),
        ("tokens_revoked", "Maya Chen", "Ana Reyes", None, {}),
        ("member_renamed", "Maya Chen", "Ana Cruz", None, names),
        ("member_role_changed", "Maya Chen", "Ana Cruz", None, roles),
        ("member_deactivated", "Maya Chen", "Ana Cruz", None, {}),
        ("member_reactivated", "Maya Chen", "Ana Cruz", None, {}),
        ("account_renamed", "Maya Chen", None, "Acme", {"from": "Acme Dental", "to": "Acme"}),
        ("account_archived", "Maya Chen", None, "Acme", {}),
        ("account_restored", "Maya Chen", None, "Acme", {}),
    ]
    events = world.log()
    assert {event.actor_id for event in events[1:]} == {maya.user_id}
    assert {event.user_id for event in events[1:] if event.display_name} == {UUID(ana["user_id"])}
    assert {event.account_id for event in events if event.account_name} == {UUID(acme["id"])}
    assert [event.seq for event in events] == sorted({event.seq for event in events})
    times = [event.occurred_at for event in events]
    assert times == sorted(times)
    said = {kind for kind, *_ in of(world)}
    came_and_went = {"signed_in", "sign_in_refused", "signed_out", "session_ended"}
    elsewhere = {"token_issued", "member_erased", "service_added", "service_removed"}
    assert set(AUDIT_EVENT_KINDS) - said == elsewhere | came_and_went


def test_an_operators_commands_stand_in_it_without_an_actor(app: Flask, world: World) -> None:
    org = ("--org", str(world.id))
    as_json(app, "account", "add", *org, "Acme Dental")
    ana = as_json(app, "member", "add", *org, "--name", "Ana Reyes", "--role", "va")["id"]
    as_json(app, "code", "issue", "--member", ana, "--expires-in", "60")
    as_json(app, "token", "issue", "--member", ana)
    as_json(app, "member", "delete", ana)
    assert [(kind, name) for kind, _, name, _, _ in of(world)] == [
        ("account_added", None),
        ("member_added", "(erased)"),
        ("code_issued", "(erased)"),
        ("token_issued", "(erased)"),
        ("member_erased", "(erased)"),
    ]
    assert {(event.actor_id, event.actor_name) for event in world.log()} == {(None, None)}


def test_the_log_keeps_what_an_erased_admin_did_not_who_it_was(
    world: World, client: AppClient
) -> None:
    maya, tom = world.admin(), world.admin("Tom Okafor")
    world.patch(client, maya, f"admin/members/{maya.id}", display_name="Maya Chen-Ortiz")
    world.patch(client, maya, f"admin/members/{tom.id}", display_name="Tom O.")
    world.erase(maya)
    assert of(world, since=2) == [
        ("member_renamed", "(erased)", "(erased)", None, {}),
        (
            "member_renamed",
            "(erased)",
            "Tom O.",
            None,
            {"from": "Tom Okafor", "to": "Tom O."},
        ),
        ("member_erased", None, "(erased)", None, {}),
    ]
    rows = "".join(dump(world.database)["audit_events"])
    for trace in ("Maya", str(maya.user_id), maya.user_id.hex):
        assert trace not in rows


def test_the_log_keeps_no_address_of_who_was_erased(world: World, client: AppClient) -> None:
    maya, ana, ben = world.admin(), world.va(), world.va("Ben Cruz")
    for member, actor, address in (
        (ana, ana, "192.0.2.1"),
        (ben, ana, "192.0.2.2"),
        (ben, ben, "192.0.2.3"),
    ):
        with world.changing() as change:
            audit_log.record(change, "signed_out", actor=actor, member=member, address=address)
    answer = world.get(client, maya, "admin/audit-events?kind=signed_out")
    logged = [entry["address"] for entry in answer.get_json()["audit_events"]]
    assert logged == ["192.0.2.3", "192.0.2.2", "192.0.2.1"]
    world.erase(ana)
    addresses = [event.address for event in world.log() if event.kind == "signed_out"]
    assert addresses == [None, None, "192.0.2.3"]


def test_a_va_manages_nothing_and_learns_nothing(world: World, client: AppClient) -> None:
    ana, ben, acme = world.va(), world.va("Ben Cruz"), world.account()
    code, headers = code_of(world, ben), world.bearer(ana)
    before = dump(world.database)
    answers = {
        assert_problem(send(client, call, headers), 403, "admin_only")["detail"]
        for ids in ((ben.id, acme.id, code), (uuid4(), uuid4(), uuid4()), (ana.id, acme.id, code))
        for call in calls(*ids)
    }
    assert len(answers) == 1
    assert dump(world.database) == before


def test_another_orgs_ids_are_not_found(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Other org")
    theirs: tuple[Membership, Account] = other.va(), other.account()
    ids = theirs[0].id, theirs[1].id, code_of(other, theirs[0])
    maya = world.admin()
    headers = world.bearer(maya)
    before = dump(world.database)
    for call in calls(*ids):
        if str(theirs[0].id) in call[1]:
            assert_problem(send(client, call, headers), 404, "not_found")
        elif str(theirs[1].id) in call[1]:
            assert_problem(send(client, call, headers), 404, "account_not_found")
        elif call[0] == "GET":
            assert "Ana" not in send(client, call, headers).text
    assert dump(world.database) == before


def test_nobody_manages_without_a_token(client: AppClient) -> None:
    for call in calls(uuid4(), uuid4(), uuid4()):
        answer = send(client, call, {})
        assert_problem(answer, 401, "not_authenticated", reason="missing")
