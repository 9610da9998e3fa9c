"""GET /v1/admin/time: hours from the history, by member, account and day."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from models import Membership, Presence
from services.times import rfc3339, utc_now
from services.working_time import GROUPINGS, Worked, days, start_of_month, summed, within
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600
# Among them: midnights that are skipped or come twice, half hours, and a day that never was.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]
BYS = [",".join(some) for count in (1, 2, 3) for some in permutations(GROUPINGS, count)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def seconds(text: str) -> int:
    return int(at(text).timestamp())


def worked(start: str, end: str, user: int = 1, account: int = 1) -> Worked:
    return Worked(str(user), str(account), seconds(start), seconds(end))


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


def by_day(text: str, tz: str, until: str) -> dict[str, int]:
    return {day.isoformat(): length for day, length in days(worked(text, until), ZoneInfo(tz))}


def test_a_presence_over_midnight_is_of_both_days() -> None:
    assert by_day("2026-03-10T22:30", "UTC", "2026-03-11T01:00") == {
        "2026-03-10": 5400,
        "2026-03-11": 3600,
    }
    assert by_day("2026-03-10T22:30", "Europe/Berlin", "2026-03-11T01:00") == {
        "2026-03-10": 1800,
        "2026-03-11": 7200,
    }


def test_a_day_on_which_the_clocks_change_has_its_own_length() -> None:
    spring = by_day("2026-03-28T00:00", "Europe/Berlin", "2026-03-31T00:00")
    assert spring["2026-03-29"] == 23 * HOUR
    autumn = by_day("2026-10-24T00:00", "Europe/Berlin", "2026-10-27T00:00")
    assert autumn["2026-10-25"] == 25 * HOUR
    assert sum(spring.values()) == sum(autumn.values()) == 72 * HOUR


def test_a_presence_over_a_years_end() -> None:
    assert by_day("2026-12-31T22:00", "Europe/Berlin", "2027-01-01T02:00") == {
        "2026-12-31": HOUR,
        "2027-01-01": 3 * HOUR,
    }


def test_a_midnight_that_is_skipped_and_a_day_that_never_was() -> None:
    # On this day Beirut's clocks went from midnight to one.
    assert by_day("2024-03-30T12:00", "Asia/Beirut", "2024-03-31T12:00") == {
        "2024-03-30": 10 * HOUR,
        "2024-03-31": 14 * HOUR,
    }
    # Samoa went from the 29th to the 31st.
    assert list(by_day("2011-12-29T12:00", "Pacific/Apia", "2011-12-31T12:00")) == [
        "2011-12-29",
        "2011-12-31",
        "2012-01-01",
    ]


# How long an example takes says how busy the machine is.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

some_worked = st.builds(
    lambda user, account, start, length: Worked(
        str(user) if user else None, str(account), start, start + length
    ),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(seconds("2011-01-01"), seconds("2027-12-31")),
    st.integers(1, 5 * 86400),
)


@patient
@given(st.lists(some_worked, max_size=8), st.sampled_from(ZONES))
def test_every_grouping_adds_up_to_the_same(all_worked: list[Worked], zone: str) -> None:
    tz, whole = ZoneInfo(zone), sum(each.end - each.start for each in all_worked)
    finest = summed(all_worked, GROUPINGS, tz)
    for by in BYS:
        names = by.split(",")
        found = summed(all_worked, names, tz)
        assert found.total() == whole
        for key, length in found.items():
            asked_for = dict(zip(names, key, strict=True))
            parts = [
                part
                for fine, part in finest.items()
                if asked_for.items() <= dict(zip(GROUPINGS, fine, strict=True)).items()
            ]
            assert sum(parts) == length


@patient
@given(some_worked, st.sampled_from(ZONES))
def test_every_second_is_on_its_local_day(one: Worked, zone: str) -> None:
    tz, start = ZoneInfo(zone), one.start
    for day, length in days(one, tz):
        for second in (start, start + length // 2, start + length - 1):
            assert datetime.fromtimestamp(second, tz).date() == day
        start += length
    assert start == one.end


@patient
@given(st.lists(some_worked, max_size=8), st.integers(0, 2**31), st.integers(0, 2**31))
def test_a_time_and_its_parts_add_up(all_worked: list[Worked], one: int, other: int) -> None:
    begin, cut = sorted((one, other))
    end = cut + 10**8

    def length(start: int, stop: int) -> int:
        return sum(each.end - each.start for each in within(all_worked, start, stop))

    assert length(begin, cut) + length(cut, end) == length(begin, end)


def test_the_month_is_that_which_has_just_been() -> None:
    assert start_of_month(at("2026-11-22T12:00"), BERLIN) == at("2026-10-31T23:00")
    assert start_of_month(at("2026-10-31T23:00"), BERLIN) == at("2026-09-30T22:00")


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


def test_csv_says_the_same(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va("=Ana"), world.account()
    world.clock_in(ana, acme, at("2026-05-04T23:00"))
    world.clock_out(ana, at("2026-05-04T23:30"))
    answer = client.get(
        "/v1/admin/time?by=day,member&tz=Asia/Manila&from=2026-05-01T00:00:00Z",
        headers=world.bearer(maya) | {"Accept": "text/csv"},
    )
    assert answer.mimetype == "text/csv"
    assert list(csv.reader(io.StringIO(answer.get_data(as_text=True), newline=""))) == [
        ["day", "user_id", "display_name", "seconds"],
        ["2026-05-05", str(ana.user_id), "'=Ana", "1800"],
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
    with world.database.write() as session:
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


def test_a_date_is_a_day() -> None:
    key = next(iter(summed([worked("2026-05-04T10:00", "2026-05-04T11:00")], ["day"], BERLIN)))
    assert key == (date(2026, 5, 4),)
