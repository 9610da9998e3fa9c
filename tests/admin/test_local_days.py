"""Hours of local days: each second is on one day, whatever the clocks do."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.working_time import GROUPINGS, Worked, days, start_of_month, summed, within
from tests.support.working_time import BERLIN, BYS, HOUR, at, seconds

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


def worked(start: str, end: str, user: int = 1, account: int = 1) -> Worked:
    return Worked(str(user), str(account), seconds(start), seconds(end))


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


def test_a_date_is_a_day() -> None:
    key = next(iter(summed([worked("2026-05-04T10:00", "2026-05-04T11:00")], ["day"], BERLIN)))
    assert key == (date(2026, 5, 4),)
