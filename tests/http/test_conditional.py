"""Conditional requests: a tag matches for one membership, view and format, and only as long as
nothing changed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from models import Membership
from services.presences import Held
from tests.support.app_client import AppAnswer, AppClient
from tests.support.world import World, ago

PATHS = ["presence", "accounts"]
FORMATS = ["application/json", "text/plain", "text/csv", "application/x-ndjson"]
SHARED = {
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Accept, Accept-Encoding, Origin, Prefer, Presence-Org",
    "X-Poll-Interval": "2",
}


def assert_not_modified(answer: AppAnswer) -> None:
    assert (answer.status_code, answer.data) == (304, b"")
    assert not [name for name, _ in answer.headers if name.lower().startswith("content-")]


@pytest.mark.parametrize("path", PATHS)
def test_200_and_304_carry_the_same_headers(world: World, client: AppClient, path: str) -> None:
    ana = world.va()
    world.clock_in(ana, world.account())
    got = world.get(client, ana, path)
    tag = got.headers["ETag"]
    assert tag.startswith('W/"')
    assert tag.endswith('"')
    not_modified = world.get(client, ana, path, if_none_match=tag)
    assert_not_modified(not_modified)
    for answer in (got, not_modified):
        assert answer.headers["ETag"] == tag
        assert {name: answer.headers[name] for name in SHARED} == SHARED


@pytest.mark.parametrize("environment", [{"PRESENCE_POLL_INTERVAL": "7"}])
def test_the_operator_sets_the_poll_interval(world: World, client: AppClient) -> None:
    ana = world.va()
    got = world.get(client, ana)
    assert got.headers["X-Poll-Interval"] == "7"
    not_modified = world.get(client, ana, if_none_match=got.headers["ETag"])
    assert not_modified.headers["X-Poll-Interval"] == "7"
    session = client.post("/v1/sessions", json={"access_code": world.code(ana)})
    assert session.json["poll_interval"] == 7


@pytest.mark.parametrize("path", PATHS)
def test_if_none_match_is_read_as_rfc_9110_says(world: World, client: AppClient, path: str) -> None:
    ana = world.va()
    tag = world.get(client, ana, path).headers["ETag"]
    strong = tag.removeprefix("W/")
    opaque = strong.strip('"')
    matching = [
        tag,
        strong,
        "*",
        " * ",
        f'"a", {tag}',
        f'W/"a",{strong} , "b"',
        *(
            f'{weak}"{opaque}{suffix}"'
            for suffix in ("-gzip", "--gzip", "-br", "-zstd", "-deflate", ";gzip")
            for weak in ("W/", "")
        ),
        f'"a-gzip", W/"{opaque}-gzip"',
    ]
    for given in matching:
        assert_not_modified(world.get(client, ana, path, if_none_match=given))
    others = [
        "",
        opaque,
        '""',
        '"*"',
        f'"{opaque}x"',
        f'"x{opaque}"',
        f'"{opaque[:-1]}"',
        f'"{opaque}-lz4"',
        f'"{opaque.upper()}"',
        '"-gzip"',
    ]
    for given in others:
        assert world.get(client, ana, path, if_none_match=given).status_code == 200, given


def test_several_header_lines_are_one_list(world: World, client: AppClient) -> None:
    ana = world.va()
    tag = world.get(client, ana).headers["ETag"]
    headers = [*world.bearer(ana).items(), ("If-None-Match", '"a"'), ("If-None-Match", tag)]
    assert_not_modified(client.get("/v1/presence", headers=headers))


def tags(world: World, client: AppClient, *members: Membership) -> dict[tuple[str, ...], str]:
    """The tag of each member, path and format."""
    return {
        (str(member.id), path, accept): world.get(client, member, path, accept=accept).headers[
            "ETag"
        ]
        for member in members
        for path, accept in [("accounts", "*/*"), *(("presence", each) for each in FORMATS)]
    }


def test_a_tag_never_matches_for_another_member_view_or_format(
    world: World, client: AppClient
) -> None:
    members = [world.va(), world.va("Ben Cruz"), world.admin(), world.admin("Tom Okafor")]
    other = World(world.database, world.settings, "Another org")
    found = tags(world, client, *members) | tags(other, client, other.va())
    assert len(set(found.values())) == len(found) == 5 * 5
    ana = members[0]
    for (member, path, accept), tag in found.items():
        answer = world.get(client, ana, if_none_match=tag)
        own = (member, path, accept) == (str(ana.id), "presence", "application/json")
        assert (answer.status_code == 304) is own


def test_a_changed_role_is_another_view_and_another_tag(world: World, client: AppClient) -> None:
    ana = world.va()
    tag = world.get(client, ana).headers["ETag"]
    world.change_role(ana, "admin")
    answer = world.get(client, ana, if_none_match=tag)
    assert (answer.status_code, answer.json["view"]) == (200, "admin")


def test_a_renewed_token_keeps_its_304(world: World, client: AppClient) -> None:
    ana = world.va()
    old = {"Authorization": f"Bearer {world.token(ana, now=ago(3600))}"}
    tag = client.get("/v1/presence", headers=old).headers["ETag"]
    token = client.post("/v1/sessions/renew", json={}, headers=old).json["token"]
    assert f"Bearer {token}" != old["Authorization"]
    new = {"Authorization": f"Bearer {token}", "If-None-Match": tag}
    assert_not_modified(client.get("/v1/presence", headers=new))


def test_every_visible_change_changes_the_tag(world: World, client: AppClient) -> None:
    maya, ana, ben = world.admin(), world.va(), world.va("Ben Cruz")
    acme, heron = world.account(), world.account("Blue Heron Bakery")
    seen_by_vas: dict[str, Callable[[], object]] = {
        "clock in": lambda: world.clock_in(ana, acme),
        "switch": lambda: world.clock_in(ana, heron),
        "clock out": lambda: world.clock_out(ana),
        "clock in again": lambda: world.clock_in(ana, acme),
        "force clear": lambda: world.force_clear(maya, acme),
        "new account": lambda: world.account("Cedar & Sons"),
        "renamed account": lambda: world.rename_account(heron, "Heron"),
        "archived account": lambda: world.archive(heron),
    }
    held: Held
    seen_by_admins: dict[str, Callable[[], object]] = {
        "stale": lambda: world.sweep(held.clocked_in_at + timedelta(seconds=120)),
        "resumed": lambda: world.clock_in(ana, acme),
        "renamed member": lambda: world.rename_member(ana, "Ana Reyes-Cruz"),
    }

    def changed(change: str) -> tuple[bool, bool]:
        before = [world.get(client, member) for member in (maya, ben)]
        {**seen_by_vas, **seen_by_admins}[change]()
        after = [
            world.get(client, member, if_none_match=was.headers["ETag"])
            for member, was in zip((maya, ben), before, strict=True)
        ]
        return after[0].status_code == 200, after[1].status_code == 200

    for change in seen_by_vas:
        assert changed(change) == (True, True), change
    held = world.clock_in(ana, acme)
    for change in seen_by_admins:
        assert changed(change) == (True, False), change


@pytest.mark.parametrize("accept", FORMATS)
def test_tags_are_equal_exactly_when_the_bodies_are(
    world: World, client: AppClient, accept: str
) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    seen: dict[Membership, set[tuple[str, bytes]]] = {maya: set(), ana: set()}

    def look() -> None:
        for member, pairs in seen.items():
            answer = world.get(client, member, accept=accept)
            pairs.add((answer.headers["ETag"], answer.data))

    world.clock_in(world.va("Ben Cruz"), world.account("Blue Heron Bakery"))
    for _ in range(3):
        held = world.clock_in(ana, acme, ago(600))
        look()
        world.sweep()
        look()
        world.post(client, ana, "heartbeat", presence_id=held.presence_id)
        look()
        world.clock_out(ana)
        look()
    for pairs in seen.values():
        assert len({tag for tag, _ in pairs}) == len({body for _, body in pairs}) == len(pairs)
    assert len(seen[maya]) == 12
    assert len(seen[ana]) == 6


def test_the_accounts_tag_moves_with_the_accounts_alone(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    tag = world.get(client, ana, "accounts").headers["ETag"]
    world.clock_in(ana, acme)
    world.clock_out(ana)
    assert_not_modified(world.get(client, ana, "accounts", if_none_match=tag))
    world.rename_account(acme, "Acme")
    answer = world.get(client, ana, "accounts", if_none_match=tag)
    assert answer.json["accounts"] == [{"id": str(acme.id), "name": "Acme"}]


def test_a_min_version_never_refuses_an_answer(world: World, client: AppClient) -> None:
    ana = world.va()
    answer = world.post(client, ana, "clock-in", account_id=world.account().id)
    version = answer.headers["Presence-Version"]
    for wanted in ("0", version, "9007199254740991", "", "x", "-1", "1e9", "9" * 5000):
        headers = {"presence_min_version": wanted}
        snapshot = world.get(client, ana, **headers)
        assert snapshot.json["version"] == int(version)
        headers["if_none_match"] = snapshot.headers["ETag"]
        assert_not_modified(world.get(client, ana, **headers))


def test_presence_version_is_the_callers_views_version(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    world.stale(world.va("Ben"), world.account("Heron"))  # sets the views' versions apart
    for member in (maya, ana):
        to_acme: dict[str, Any] = {"account_id": acme.id}
        for path, body in (*[("clock-in", to_acme)] * 2, *[("clock-out", {})] * 2):
            answer = world.post(client, member, path, **body)
            snapshot = world.get(client, member).json
            assert answer.headers["Presence-Version"] == str(snapshot["version"])
