"""GET /v1/presence and /v1/accounts: what each view sees, in three formats."""

import csv
import io
import json
from operator import attrgetter
from typing import Any

import pytest

from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago

FORMATS = ["application/json", "text/plain", "text/csv"]


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_an_admin_sees_who_is_on_which_account(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    held = world.clock_in(ana, world.account())
    answer = world.get(client, maya)
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    version, _, accounts_version = world.versions()
    assert answer.json == {
        "version": version,
        "view": "admin",
        "accounts_version": accounts_version,
        "stale_after": 120,
        "presence": [
            {
                "account_id": str(held.account_id),
                "presence_id": str(held.presence_id),
                "user_id": str(ana.user_id),
                "display_name": "Ana Reyes",
                "clocked_in_at": rfc3339(held.clocked_in_at),
                "state": "active",
                "last_seen_at": None,
            }
        ],
        "me": None,
    }


def test_a_va_sees_only_that_accounts_are_occupied(world: World, client: AppClient) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    held = world.clock_in(ana, world.account())
    world.clock_in(ben, world.account("Blue Heron Bakery"))
    answer = world.get(client, ana).json
    ids = sorted(str(each.account_id) for each in world.held())
    assert answer["presence"] == [{"account_id": account_id} for account_id in ids]
    assert answer["view"] == "va"
    assert answer["version"] == world.org().va_version
    assert answer["me"] == {
        "id": str(held.presence_id),
        "account_id": str(held.account_id),
        "clocked_in_at": rfc3339(held.clocked_in_at),
    }


def test_the_body_is_shared_by_a_view_up_to_me(world: World, client: AppClient) -> None:
    ana, ben, maya, tom = world.va(), world.va("Ben"), world.admin(), world.admin("Tom Okafor")
    world.clock_in(ana, world.account())
    world.clock_in(maya, world.account("Blue Heron Bakery"))
    order = ["version", "view", "accounts_version", "stale_after", "presence", "me"]
    for pair in ((ana, ben), (maya, tom)):
        bodies = [world.get(client, member).data for member in pair]
        assert all(list(json.loads(body)) == order for body in bodies)
        shared = {body.partition(b'"me":')[0] for body in bodies}
        assert len(shared) == 1
        assert bodies[0] != bodies[1]


def test_entries_are_ordered_by_account_id(world: World, client: AppClient) -> None:
    for number in range(8):
        world.clock_in(world.va(f"VA {number}"), world.account(f"Account {number}"))
    for member in (world.admin(), world.va()):
        entries = world.get(client, member).json["presence"]
        ids = [entry["account_id"] for entry in entries]
        assert len(ids) == 8
        assert ids == sorted(ids)


def test_free_accounts_are_not_listed(world: World, client: AppClient) -> None:
    world.account()
    for member in (world.admin(), world.va()):
        assert world.get(client, member).json["presence"] == []


def test_orgs_never_meet(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Another org")
    other.clock_in(other.va("Olga"), other.account("Theirs"))
    versions = world.versions()
    maya = world.admin()
    assert world.get(client, maya).json["presence"] == []
    assert world.get(client, maya, "accounts").json["accounts"] == []
    assert world.versions() == versions


def test_a_stale_entry_tells_admins_when_it_was_last_seen(world: World, client: AppClient) -> None:
    maya = world.admin()
    held = world.stale(world.va(), world.account())
    entry = world.get(client, maya).json["presence"][0]
    assert entry["state"] == "stale"
    assert entry["last_seen_at"] == rfc3339(held.last_heartbeat_at)


def test_a_snapshot_lists_what_the_sweep_has_not_met(world: World, client: AppClient) -> None:
    maya = world.admin()
    world.expired(world.va(), world.account())
    assert len(world.get(client, maya).json["presence"]) == 1
    world.sweep()
    assert world.get(client, maya).json["presence"] == []


def said(world: World, client: AppClient, member: Any, accept: str) -> tuple[Any, ...]:
    """All that reaches ``member`` of a snapshot: status, headers, bytes."""
    answer = world.get(client, member, accept=accept)
    own = ("Date", "Request-Id")
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    return answer.status_code, headers, answer.data


@pytest.mark.parametrize("accept", FORMATS)
def test_a_va_receives_nothing_about_another_member(
    world: World, client: AppClient, accept: str
) -> None:
    ana, ben, acme = world.va(), world.va("Ben Cruz"), world.account()
    held = world.clock_in(ana, acme, ago(600))
    world.rename_member(ana, "Ana Reyes y Cruz")  # sets the views' versions apart
    before = said(world, client, ben, accept)
    about_ana = (
        "Ana",
        str(ana.user_id),
        ana.user_id.hex,
        str(ana.id),
        ana.id.hex,
        str(held.presence_id),
        rfc3339(held.clocked_in_at)[:17],
        str(world.org().version),
    )
    told = repr(before[1]) + before[2].decode()
    assert not [each for each in about_ana if each in told]
    # Neither the tag nor the length moves with what only admins see.
    world.rename_member(ana, "Ana Maria Concepcion Reyes-Villanueva")
    assert said(world, client, ben, accept) == before
    world.sweep()
    assert said(world, client, ben, accept) == before
    world.post(client, ana, "heartbeat", presence_id=held.presence_id)
    assert world.kinds() == ["clock_in", "stale", "resume"]
    assert said(world, client, ben, accept) == before


def test_a_va_sees_no_more_of_an_admin_than_of_a_va(world: World, client: AppClient) -> None:
    acme, ben = world.account(), world.va("Ben Cruz")
    lengths = set()
    for holder in (world.admin("A very long name indeed, of an admin"), world.va("V")):
        world.clock_in(holder, acme)
        lengths.add(tuple(len(world.get(client, ben, accept=each).data) for each in FORMATS))
        world.clock_out(holder)
    assert len(lengths) == 1


def test_text_is_an_aligned_table_of_the_same(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    world.clock_in(maya, world.account("Zeta"))
    held = world.clock_in(ana, world.account("Acme Dental"))
    answer = world.get(client, maya, accept="text/plain")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    header, *lines = answer.text.splitlines()
    first, second = sorted(lines[:2])
    assert header.startswith("ACCOUNT_NAME  DISPLAY_NAME")
    assert first.index("Ana Reyes") == header.index("DISPLAY_NAME") == second.index("Maya Chen")
    for value in (held.account_id, held.presence_id, ana.user_id, held.clocked_in_at):
        assert (rfc3339(value) if value is held.clocked_in_at else str(value)) in first
    assert "me: id=" in answer.text
    assert f"version={world.org().version} " in answer.text
    to_va = world.get(client, world.va("Ben"), accept="text/plain").text
    assert "Acme Dental" in to_va
    assert "me: none" in to_va
    assert f"version={world.org().va_version} " in to_va


def test_csv_has_a_header_row_and_the_same(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    world.stale(ana, world.account('Dental, Acme & "Sons"'))
    answer = world.get(client, maya, accept="text/csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    row, me = csv_rows(answer.text)
    entry = world.get(client, maya).json["presence"][0]
    assert {name: row[name] for name in entry} == entry
    assert (row["row"], row["account_name"]) == ("presence", 'Dental, Acme & "Sons"')
    assert (me["row"], me["account_id"]) == ("me", "")
    versions = world.org()
    for found in (row, me):
        assert found["version"] == str(versions.version)
        assert found["accounts_version"] == str(versions.accounts_version)
        assert found["stale_after"] == "120"


def test_a_vas_csv_names_the_account_alone_and_their_own_presence(
    world: World, client: AppClient
) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account())
    row, me = csv_rows(world.get(client, ana, accept="text/csv").text)
    account = {"account_id": str(held.account_id), "account_name": "Acme Dental"}
    org = world.org()
    versions = {
        "version": str(org.va_version),
        "accounts_version": str(org.accounts_version),
        "stale_after": "120",
    }
    assert row == {"row": "presence", **account, "presence_id": "", "clocked_in_at": "", **versions}
    assert me == {
        "row": "me",
        **account,
        "presence_id": str(held.presence_id),
        "clocked_in_at": rfc3339(held.clocked_in_at),
        **versions,
    }


def test_the_csv_of_an_empty_org_changes_with_its_version(world: World, client: AppClient) -> None:
    maya, acme = world.admin(), world.account()
    before = world.get(client, maya, accept="text/csv").text
    world.clock_in(maya, acme)
    world.clock_out(maya)
    assert world.get(client, maya, accept="text/csv").text != before


def test_csv_cells_are_no_formulas(world: World, client: AppClient) -> None:
    maya = world.admin()
    names = ["=1+1", "+1", "-1", "@SUM(A1)"]
    for name in names:
        world.clock_in(world.va(name), world.account(name))
    *rows, _me = csv_rows(world.get(client, maya, accept="text/csv").text)
    safe = {f"'{name}" for name in names}
    assert {row["account_name"] for row in rows} == safe
    assert {row["display_name"] for row in rows} == safe
    json_names = {entry["display_name"] for entry in world.get(client, maya).json["presence"]}
    assert json_names == set(names)


ACCEPTED = [
    ("", "application/json"),
    ("*/*", "application/json"),
    ("application/*", "application/json"),
    ("image/png", "application/json"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
    ("text/plain;q=0, text/csv;q=0", "application/json"),
    ("nonsense", "application/json"),
    ("text/plain;q=x", "application/json"),
    ("text/csv", "text/csv"),
    ("TEXT/CSV", "text/csv"),
    ("text/plain;q=0.5, text/csv;q=0.9", "text/csv"),
    ("text/plain;q=0.9, text/csv;q=0.5, application/json;q=0.1", "text/plain"),
    ("text/csv;q=0.2, application/json;q=0.7", "application/json"),
    ("image/png, text/plain;q=0.1", "text/plain"),
    ("*/*;q=0.1, text/csv", "text/csv"),
]


def test_accept_chooses_the_format(world: World, client: AppClient) -> None:
    ana = world.va()
    for accept, media_type in ACCEPTED:
        answer = world.get(client, ana, accept=accept)
        assert (answer.status_code, answer.mimetype) == (200, media_type), accept


def test_errors_are_problems_whatever_is_accepted(client: AppClient) -> None:
    answer = client.get("/v1/presence", headers={"Accept": "text/csv"})
    assert_problem(answer, 401, "not_authenticated", reason="missing")


def test_head_is_get_without_a_body(world: World, client: AppClient) -> None:
    ana = world.va()
    world.clock_in(ana, world.account())
    for path in ("/v1/presence", "/v1/accounts"):
        for accept in FORMATS:
            headers = {**world.bearer(ana), "Accept": accept, "Request-Id": "one"}
            got, head = (ask(path, headers=headers) for ask in (client.get, client.head))
            assert (head.status_code, head.data) == (200, b"")
            assert dict(head.headers) == dict(got.headers)
            assert head.headers["Content-Length"] == str(len(got.data))
            headers["If-None-Match"] = head.headers["ETag"]
            assert client.head(path, headers=headers).status_code == 304


def test_accounts_are_listed_by_casefolded_name(world: World, client: AppClient) -> None:
    made = [world.account(name) for name in ("Zeta", "eta", "Éclair", "ALPHA", "beta", "STRASSE")]
    world.archive(world.account("Archived"))
    answer = world.get(client, world.va(), "accounts")
    assert answer.status_code == 200
    assert answer.json == {
        "accounts": [
            {"id": str(account.id), "name": account.name}
            for account in sorted(made, key=attrgetter("name_casefolded"))
        ]
    }
    assert [account["name"] for account in answer.json["accounts"]][:3] == ["ALPHA", "beta", "eta"]


def test_clients_are_told_to_read_the_accounts_again(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    changes = (
        lambda: world.rename_account(acme, "Acme Dental Group"),
        lambda: world.account("Another"),
        lambda: world.archive(acme),
    )
    for change in changes:
        before = world.versions()
        change()
        assert all(new > old for new, old in zip(world.versions(), before, strict=True))
        assert world.get(client, ana).json["accounts_version"] == world.versions()[2]
    before = world.versions()
    world.clock_in(ana, world.account("Last"))
    after = world.versions()
    world.clock_out(ana)
    assert world.versions()[2] == after[2] > before[2]


def test_versions_grow_by_the_clock_or_by_one(world: World) -> None:
    ana, acme = world.va(), world.account()
    version = world.org().version
    world.clock_in(ana, acme, ago(1000))
    assert world.org().version == version + 1
    world.clock_out(ana)
    assert abs(world.org().version - utc_now().timestamp() * 1000) < 60_000
    assert world.org().version < 10**15
