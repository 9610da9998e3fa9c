"""GET /v1/admin/time: hours from the history, by member, account and day."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from models import Membership, Presence
from models.reach import EVERY_ORG
from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.working_time import BYS, HOUR, at
from tests.support.world import World, ago


def asked(world: World, client: AppClient, maya: Membership, **query: Any) -> dict[str, Any]:
    query = {
        name.strip("_"): rfc3339(value) if isinstance(value, datetime) else value
        for name, value in query.items()
    }
    answer = client.get("/v1/admin/time", query_string=query, headers=world.bearer(maya))
    assert answer.status_code == 200, answer.data
    found: dict[str, Any] = answer.get_json()
    assert found["total_seconds"] == sum(row["seconds"] for row in found["rows"])
    return found


def total(world: World, client: AppClient, maya: Membership, **query: Any) -> int:
    """The same by every grouping."""
    totals = {asked(world, client, maya, by=by, **query)["total_seconds"] for by in BYS}
    assert len(totals) == 1
    return int(totals.pop())


def test_hours_by_member_and_account(world: World, client: AppClient) -> None:
    maya, ana, ben = world.admin(), world.va(), world.va("Ben Cruz")
    acme, heron = world.account(), world.account("Blue Heron Bakery")
    begin = at("2026-05-04T08:00")
    world.clock_in(ana, acme, begin)
    world.clock_in(ana, heron, begin + timedelta(minutes=50))  # a switch
    world.clock_out(ana, begin + timedelta(minutes=70))
    world.clock_in(ben, acme, begin + timedelta(minutes=55))
    world.clock_out(ben, begin + timedelta(minutes=65))
    span = {"from_": at("2026-05-01"), "to": at("2026-06-01")}
    found = asked(world, client, maya, **span)
    assert found == {
        "rows": [
            {"user_id": str(ana.user_id), "display_name": "Ana Reyes", "seconds": 4200},
            {"user_id": str(ben.user_id), "display_name": "Ben Cruz", "seconds": 600},
        ],
        "total_seconds": 4800,
    }
    found = asked(world, client, maya, by="account,member", **span)
    assert [list(row) for row in found["rows"]] == [
        ["account_id", "account_name", "user_id", "display_name", "seconds"]
    ] * 3
    assert [tuple(row.values())[1::2] for row in found["rows"]] == [
        ("Acme Dental", "Ana Reyes"),
        ("Acme Dental", "Ben Cruz"),
        ("Blue Heron Bakery", "Ana Reyes"),
    ]
    assert [row["seconds"] for row in found["rows"]] == [3000, 600, 1200]
    found = asked(world, client, maya, by="day", tz="Europe/Berlin", **span)
    assert found["rows"] == [{"day": "2026-05-04", "seconds": 4800}]
    assert total(world, client, maya, **span) == 4800


def test_csv_says_the_same_and_decimal_hours(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va("=Ana"), world.account()
    world.clock_in(ana, acme, at("2026-05-04T23:00"))
    world.clock_out(ana, at("2026-05-04T23:30"))
    answer = client.get(
        "/v1/admin/time?by=day,member&tz=Asia/Manila&from=2026-05-01T00:00:00Z",
        headers=world.bearer(maya) | {"Accept": "text/csv"},
    )
    assert answer.mimetype == "text/csv"
    assert list(csv.reader(io.StringIO(answer.get_data(as_text=True), newline=""))) == [
        ["day", "user_id", "display_name", "seconds", "hours"],
        ["2026-05-05", str(ana.user_id), "'=Ana", "1800", "0.5"],
    ]


def test_an_expired_presence_counts_to_its_last_heartbeat(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    begin = ago(7200)
    held = world.clock_in(ana, acme, begin)
    world.clock_in(ana, acme, begin + timedelta(seconds=500))  # a heartbeat
    span = {"from_": begin - timedelta(days=1)}
    assert total(world, client, maya, **span) == 500  # run out, not swept
    world.sweep()
    assert world.kinds()[-1] == "expire"
    assert total(world, client, maya, **span) == 500
    late = begin + timedelta(seconds=1500)
    world.post(client, ana, "clock-out", presence_id=held.presence_id, occurred_at=late)
    assert total(world, client, maya, **span) == 1500


def test_a_cleared_presence_counts_to_the_clear_and_an_open_one_to_now(
    world: World, client: AppClient
) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    world.clock_in(ana, acme, ago(600))
    span = {"from_": ago(86400), "to": utc_now() + timedelta(days=1)}
    assert 600 <= asked(world, client, maya, **span)["total_seconds"] <= 660
    world.sweep()
    assert world.kinds()[-1] == "stale"
    assert 600 <= asked(world, client, maya, **span)["total_seconds"] <= 660
    world.force_clear(maya, acme)
    assert 600 <= total(world, client, maya, **span) <= 660


def test_what_was_queued_counts_from_when_it_occurred(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    begin = ago(5000)
    world.clock_in(ana, acme, occurred_at=begin)
    world.clock_out(ana, occurred_at=begin + timedelta(seconds=3000))
    assert total(world, client, maya, from_=ago(86400)) == 3000


def test_a_presence_that_reaches_into_the_time_or_out_of_it_is_cut(
    world: World, client: AppClient
) -> None:
    maya, acme, heron = world.admin(), world.account(), world.account("Blue Heron Bakery")
    ana, ben, gone = world.va(), world.va("Ben Cruz"), world.va("Gone")
    begin = at("2026-05-04T00:00")
    for member, account in ((ana, acme), (gone, heron)):
        world.clock_in(member, account, begin - timedelta(days=40))
        world.clock_out(member, begin - timedelta(days=39, hours=23, minutes=30))
        world.clock_in(member, account, begin - timedelta(minutes=5))
    world.clock_out(gone, begin + timedelta(minutes=10))
    world.clock_in(ben, heron, begin + timedelta(minutes=30))
    world.erase(gone)
    for member in (ana, ben):
        world.clock_out(member, begin + timedelta(minutes=50))
    span = {"from_": begin, "to": begin + timedelta(minutes=40)}
    found = asked(world, client, maya, **span)
    assert [(row["display_name"], row["seconds"]) for row in found["rows"]] == [
        ("(erased)", 600),
        ("Ana Reyes", 2400),
        ("Ben Cruz", 600),
    ]
    assert found["rows"][0]["user_id"] is None
    assert total(world, client, maya, **span) == 3600
    before = {"from_": begin - timedelta(days=41), "to": begin}
    assert total(world, client, maya, **before) == 2 * (1800 + 300)
    whole = {**before, "to": span["to"]}
    assert total(world, client, maya, **whole) == 3600 + 4200


def test_a_presence_whose_end_was_lost_counts_to_its_last_heartbeat(
    world: World, client: AppClient
) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    world.clock_in(ana, acme, ago(86400))
    with world.database.write(EVERY_ORG) as session:
        session.execute(delete(Presence))
    assert total(world, client, maya, from_=ago(2 * 86400)) == 0


def test_names_are_those_of_today(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    world.clock_in(ana, acme, ago(100))
    world.clock_out(ana)
    world.rename_member(ana, "Ana Cruz")
    world.rename_account(acme, "Acme Dental Group")
    world.archive(acme)
    world.deactivate(ana)
    (row,) = asked(world, client, maya, by="member,account", from_=ago(1000))["rows"]
    assert (row["display_name"], row["account_name"]) == ("Ana Cruz", "Acme Dental Group")


def test_without_from_it_is_the_month_that_ends_with_to(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    for month in (4, 5, 6):
        begin = datetime(2026, month, 1, tzinfo=UTC)
        world.clock_in(ana, acme, begin - timedelta(hours=2))
        world.clock_in(ana, acme, begin - timedelta(hours=1, minutes=10))  # a heartbeat
        world.clock_in(ana, acme, begin - timedelta(minutes=20))
        world.clock_in(ana, acme, begin + timedelta(minutes=30))
        world.clock_out(ana, begin + timedelta(hours=1))
    assert asked(world, client, maya, to=at("2026-06-01"))["total_seconds"] == 3 * HOUR
    # In Berlin, May begins at 22:00 and ends there.
    berlin = {"to": at("2026-05-31T22:00"), "tz": "Europe/Berlin", "by": "day"}
    assert asked(world, client, maya, **berlin)["rows"] == [
        {"day": "2026-05-01", "seconds": 3 * HOUR}
    ]
    assert asked(world, client, maya)["total_seconds"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tz", "Berlin"),
        ("tz", ""),
        ("tz", "../../etc/passwd"),
        ("tz", "Europe"),
        ("tz", "\x00"),
        ("by", ""),
        ("by", "week"),
        ("by", "member,"),
        ("by", "day,day"),
        ("from", "May"),
        ("limit", "1"),
    ],
)
def test_a_bad_query_is_named(world: World, client: AppClient, name: str, value: str) -> None:
    answer = client.get(
        "/v1/admin/time", query_string={name: value}, headers=world.bearer(world.admin())
    )
    assert list(assert_problem(answer, 422, "validation_failed")["errors"]) == [name]


@pytest.mark.parametrize("tz", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("year", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_time_harm_nobody(world: World, client: AppClient, tz: str, year: str) -> None:
    maya = world.admin()
    world.clock_in(world.va(), world.account(), ago(60))
    for query in ({"from": f"{year}T00:00:00Z"}, {"to": f"{year}T23:59:59+14:00"}):
        answer = client.get(
            "/v1/admin/time",
            query_string={"tz": tz, "by": "day", **query},
            headers=world.bearer(maya),
        )
        assert answer.status_code == 200


def test_two_orgs_share_no_second(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Another org")
    other.clock_in(other.va(), other.account(), ago(60))
    assert asked(world, client, world.admin()) == {"rows": [], "total_seconds": 0}
