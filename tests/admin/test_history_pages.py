"""GET /v1/admin/clock-events, page by page: cursors, links, and queries that are refused."""

from itertools import chain
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.history import busy, entries, get, pages
from tests.support.problems import assert_problem
from tests.support.world import World, ago


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_are_the_whole_once(world: World, client: AppClient, limit: int) -> None:
    maya = world.admin()
    busy(world, 7)
    whole = entries(world, client, maya)
    found = list(pages(world, client, maya, limit=limit))
    assert [entry for page in found for entry in page] == whole
    assert {len(page) for page in found[:-1]} <= {limit}
    filtered = list(pages(world, client, maya, limit=limit, kind="switch"))
    assert [entry for page in filtered for entry in page] == whole[:-1]


def test_pages_stay_right_while_rows_arrive(world: World, client: AppClient) -> None:
    """Also those that arrive with a time long past."""
    maya, ben, delta = world.admin(), world.va("Ben Cruz"), world.account("Delta Plumbing")
    busy(world, 6)
    whole = entries(world, client, maya)
    found = []
    for page in pages(world, client, maya, limit=2):
        found += page
        world.clock_in(ben, delta, occurred_at=ago(86000))
        world.clock_out(ben)
    assert found == whole
    assert len(entries(world, client, maya)) == len(whole) + 6


def test_entries_of_one_moment_are_all_there(world: World, client: AppClient) -> None:
    maya, now = world.admin(), utc_now()
    for number in range(5):
        world.clock_in(world.va(f"VA {number}"), world.account(f"Account {number}"), now)
    found = list(chain.from_iterable(pages(world, client, maya, limit=2)))
    assert [entry["account_name"] for entry in found] == [
        f"Account {number}" for number in reversed(range(5))
    ]


def test_a_link_keeps_the_filters(world: World, client: AppClient) -> None:
    maya = world.admin()
    busy(world, 5)
    query: dict[str, Any] = {"kind": "switch", "limit": "1", "from": "2020-01-01T00:00:00+00:00"}
    answer = get(world, client, maya, **query)
    target = urlsplit(answer.headers["Link"].partition(">")[0][1:])
    assert target.path == "/v1/admin/clock-events"
    following = {name: values[0] for name, values in parse_qs(target.query).items()}
    assert following.pop("cursor") == answer.get_json()["next"]
    assert following == query


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("kind", "member_added!"),
        ("kind", ""),
        ("account_id", "acme"),
        ("user_id", "1"),
        ("from", "yesterday"),
        ("from", "2026-11-22"),
        ("to", "2026-11-22T12:00:00"),
        ("cursor", "x"),
        ("cursor", ""),
        ("cursor", "é" * 64),
        ("cursor", "a" * 63),
        ("cursor", "a" * 64),
        ("cursor", "A" * 64),
        ("cursor", "a" * 65),
        ("colour", "red"),
    ],
)
@pytest.mark.parametrize("path", ["clock-events", "audit-events"])
def test_a_bad_query_is_named(
    world: World, client: AppClient, path: str, name: str, value: str
) -> None:
    answer = get(world, client, world.admin(), path, None, **{name: value})
    assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == [name]


def test_a_time_that_ends_before_it_begins_is_refused(world: World, client: AppClient) -> None:
    maya = world.admin()
    span: dict[str, Any] = {"from_": rfc3339(ago(10)), "to": rfc3339(ago(20))}
    for path in ("clock-events", "audit-events", "time"):
        answer = get(world, client, maya, path, **span)
        assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == ["to"]


def test_a_cursor_of_another_org_or_log_is_none(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Another org")
    maya, noa = world.admin(), other.admin()
    busy(world, 3)
    busy(other, 3)
    theirs = get(other, client, noa, limit=1).get_json()["next"]
    log = get(world, client, maya, "audit-events", limit=1).get_json()["next"]
    own = get(world, client, maya, limit=1).get_json()["next"]
    for cursor in (theirs, log, own[:32] + theirs[32:], theirs[:32] + own[32:]):
        answer = get(world, client, maya, cursor=cursor)
        assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == ["cursor"]


def test_a_cursor_tells_nothing_of_other_orgs(world: World, client: AppClient) -> None:
    """It is the ids of two entries that its reader has seen."""
    maya = world.admin()
    busy(world, 3)
    first, second, _ = entries(world, client, maya)
    following = get(world, client, maya, limit=2).get_json()["next"]
    assert following == (first["id"] + second["id"]).replace("-", "")
