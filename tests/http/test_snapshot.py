"""GET /v1/presence and /v1/accounts: what each view sees."""

import json
from operator import attrgetter
from typing import Any

import pytest

from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.world import World, ago

FORMATS = ["application/json", "text/plain", "text/csv", "application/x-ndjson"]


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
