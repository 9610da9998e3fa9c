"""GET /v1/admin/clock-events and /v1/admin/audit-events: what happened, and to whom."""

import csv
import io
from urllib.parse import parse_qs, urlsplit

from services.times import rfc3339
from tests.support.app_client import AppClient
from tests.support.history import CSV, FIELDS, busy, entries, get, kinds
from tests.support.problems import assert_problem
from tests.support.world import World, ago


def test_an_entry_is_as_the_contract_has_it(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    acme, heron = world.account(), world.account("Blue Heron Bakery")
    first, at = world.clock_in(ana, acme, ago(60)), ago(30)
    second = world.clock_in(ana, heron, at)
    world.force_clear(maya, heron, reason="gone home")
    cleared, switched, began = entries(world, client, maya)
    assert list(switched) == FIELDS
    assert switched == {
        "id": switched["id"],
        "kind": "switch",
        "account_id": str(heron.id),
        "account_name": "Blue Heron Bakery",
        "user_id": str(ana.user_id),
        "display_name": "Ana Reyes",
        "presence_id": str(second.presence_id),
        "actor_id": str(ana.user_id),
        "reason": None,
        "occurred_at": rfc3339(at),
        "received_at": rfc3339(at),
        "version": world.events()[1].version,
        "from_account_id": str(acme.id),
        "from_presence_id": str(first.presence_id),
    }
    assert (began["kind"], began["from_account_id"], began["from_presence_id"]) == (
        "clock_in",
        None,
        None,
    )
    assert (cleared["actor_id"], cleared["reason"]) == (str(maya.user_id), "gone home")
    assert len({cleared["id"], switched["id"], began["id"]}) == 3


def test_names_are_as_they_were_then(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    world.clock_in(ana, acme)
    world.rename_member(ana, "Ana Cruz")
    world.rename_account(acme, "Acme Dental Group")
    world.clock_out(ana)
    names = [(e["display_name"], e["account_name"]) for e in entries(world, client, maya)]
    assert names == [("Ana Cruz", "Acme Dental Group"), ("Ana Reyes", "Acme Dental")]


def test_every_filter_alone_and_all_together(world: World, client: AppClient) -> None:
    maya, ben = world.admin(), world.va("Ben Cruz")
    ana, acme, heron = busy(world, 4)
    delta = world.account("Delta Plumbing")
    world.clock_in(ben, delta, ago(90))
    world.clock_out(ben, ago(45))
    assert kinds(world, client, maya) == [
        "clock_out",
        "switch",
        "clock_in",
        "switch",
        "switch",
        "clock_in",
    ]
    assert kinds(world, client, maya, account_id=acme.id) == ["switch", "clock_in"]
    assert kinds(world, client, maya, user_id=ben.user_id) == ["clock_out", "clock_in"]
    assert len(entries(world, client, maya, kind="switch")) == 3
    assert kinds(world, client, maya, kind="stale") == []
    both = {"user_id": ana.user_id, "account_id": heron.id, "kind": "switch"}
    assert len(entries(world, client, maya, **both)) == 2
    span = {"from_": rfc3339(ago(150)), "to": rfc3339(ago(70))}
    assert len(entries(world, client, maya, **span)) == 2
    assert len(entries(world, client, maya, **span, **both)) == 0
    assert len(entries(world, client, maya, **span, account_id=acme.id)) == 1


def test_from_is_meant_and_to_is_not(world: World, client: AppClient) -> None:
    maya = world.admin()
    busy(world, 3)
    *_, first = entries(world, client, maya)
    at = first["occurred_at"]
    assert len(entries(world, client, maya, from_=at)) == 3
    assert entries(world, client, maya, to=at) == []
    assert len(entries(world, client, maya, to=at.replace("Z", "+00:00"))) == 0
    assert entries(world, client, maya, from_=at, to=at) == []


def test_a_late_clock_out_stands_where_it_happened(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    held = world.expired(ana, acme)
    world.sweep()
    answer = world.post(
        client, ana, "clock-out", presence_id=held.presence_id, occurred_at=ago(600)
    )
    assert_problem(answer, 410, "presence_ended", reason="expired")
    assert kinds(world, client, maya) == ["expire", "clock_out", "clock_in"]


def test_csv_says_the_same_and_goes_on_by_its_link(world: World, client: AppClient) -> None:
    maya = world.admin()
    busy(world, 5)
    whole = entries(world, client, maya)
    rows, query = [], {"limit": ["2"], "kind": ["clock_in"]}
    answer = get(world, client, maya, headers=CSV)
    assert answer.mimetype == "text/csv"
    assert "Link" not in answer.headers
    answer = get(world, client, maya, headers=CSV, limit=2)
    while True:
        read = csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline=""))
        rows += list(read)
        assert read.fieldnames == FIELDS
        if "Link" not in answer.headers:
            break
        target, _, rel = answer.headers["Link"].partition("; ")
        assert rel == 'rel="next"'
        query = parse_qs(urlsplit(target.strip("<>")).query)
        assert query["limit"] == ["2"]
        answer = client.get(target.strip("<>"), headers=world.bearer(maya) | CSV)
        assert answer.status_code == 200
    as_text = [
        {name: "" if value is None else str(value) for name, value in entry.items()}
        for entry in whole
    ]
    assert rows == as_text


def test_a_cell_is_never_a_formula(world: World, client: AppClient) -> None:
    maya = world.admin('=HYPERLINK("evil")')
    acme = world.account("@acme")
    world.clock_in(maya, acme)
    world.force_clear(maya, acme, reason="-1+2")
    text = get(world, client, maya, headers=CSV).get_data(as_text=True)
    (cleared, _) = csv.DictReader(io.StringIO(text, newline=""))
    assert cleared["display_name"] == '\'=HYPERLINK("evil")'
    assert (cleared["account_name"], cleared["reason"]) == ("'@acme", "'-1+2")
    assert entries(world, client, maya)[0]["reason"] == "-1+2"


def test_only_admins_and_only_their_org(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Another org")
    theirs = other.account()
    other.clock_in(other.va(), theirs)
    maya, ana = world.admin(), world.va()
    for path in ("clock-events", "audit-events", "time"):
        assert_problem(get(world, client, ana, path), 403, "admin_only")
        assert_problem(client.get(f"/v1/admin/{path}"), 401, "not_authenticated")
    assert entries(world, client, maya) == []
    assert entries(world, client, maya, account_id=theirs.id) == []


def test_the_audit_log_has_the_same_form(world: World, client: AppClient) -> None:
    maya = world.admin()
    for number in range(3):
        answer = world.post(client, maya, "admin/accounts", name=f"Account {number}")
        assert answer.status_code == 201
    body = get(world, client, maya, "audit-events", limit=2).get_json()
    newest, older = body["audit_events"]
    assert list(newest) == [
        "id",
        "kind",
        "account_id",
        "account_name",
        "user_id",
        "display_name",
        "actor_id",
        "actor_name",
        "details",
        "address",
        "occurred_at",
    ]
    assert (newest["kind"], newest["account_name"]) == ("account_added", "Account 2")
    assert (newest["actor_id"], newest["actor_name"]) == (str(maya.user_id), "Maya Chen")
    assert older["account_name"] == "Account 1"
    last = get(world, client, maya, "audit-events", limit=2, cursor=body["next"]).get_json()
    assert [entry["kind"] for entry in last["audit_events"]] == ["account_added", "member_added"]
    assert last["next"] is None
    only = get(world, client, maya, "audit-events", kind="member_added").get_json()
    assert [entry["user_id"] for entry in only["audit_events"]] == [str(maya.user_id)]
    named = {"account_id": newest["account_id"]}
    only = get(world, client, maya, "audit-events", **named).get_json()
    assert only["audit_events"] == [newest]
    text = get(world, client, maya, "audit-events", headers=CSV).get_data(as_text=True)
    assert len(list(csv.DictReader(io.StringIO(text, newline="")))) == 4
