"""CSV that no spreadsheet takes for formulas, whatever it takes for the separator."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.app_client import AppClient
from tests.support.world import World, ago
from wire.tables import csv_line

FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"
DANGEROUS = FORMULA + "\t\r\n"
HEADER = ["id", "name", "reason"]

Reader = Callable[[str], Iterator[str]]


def cells_by(separator: str) -> Reader:
    """As Python, and most programs, read it: quotes count at the beginning of a cell alone."""

    def cells(text: str) -> Iterator[str]:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            yield from row

    return cells


def pieces_by(separator: str) -> Reader:
    """As a program that knows no quotes reads it."""
    return lambda text: iter(re.split(f"[{separator}\r\n]", text))


OTHERS = [cells_by(";"), cells_by("\t"), pieces_by(";"), pieces_by("\t")]
TEXT = st.text(st.sampled_from([*DANGEROUS, *";,\"' xé|"]), max_size=12)


def csv_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(map(csv_line, (header, *rows)))


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=4))
def test_no_cell_of_any_reader_begins_a_formula(rows: list[tuple[str, ...]]) -> None:
    text = csv_of(HEADER, rows)
    assert not [cell for cell in cells_by(",")(text) if cell.startswith(tuple(DANGEROUS))]
    for read in OTHERS:
        assert not [cell for cell in read(text) if cell.startswith(tuple(FORMULA))], text


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=4))
def test_without_what_guards_it_every_cell_is_what_it_was(rows: list[tuple[str, ...]]) -> None:
    read = list(csv.reader(io.StringIO(csv_of(HEADER, rows), newline="")))
    assert [[cell.replace("'", "") for cell in row] for row in read[1:]] == [
        [cell.replace("'", "") for cell in row] for row in rows
    ]


@pytest.mark.parametrize("first", DANGEROUS)
def test_what_begins_dangerously_gets_an_apostrophe(first: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_of([f"{first}1", "a"], []), newline=""))
    assert row == [f"'{first}1", "a"]


@pytest.mark.parametrize(
    "text", ["a=1", "a-b", "x@y", "'=1", " =1", "1;2", "a; b", "a\tb", "one\r\ntwo", 'say "-"', ""]
)
def test_what_is_harmless_stays(text: str) -> None:
    _, row = csv.reader(io.StringIO(csv_of(["a", "b"], [[text, "x"]]), newline=""))
    assert row == [text, "x"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "\r", "\n", '"'])
def test_what_some_reader_splits_at_stands_in_quotes(separator: str) -> None:
    assert csv_of(["a"], [[f"x{separator}y"]]).endswith('y"\r\n')
    assert csv_of(["a"], [["plain, not"[:5]]]) == "a\r\nplain\r\n"


PATHS = ["/v1/presence", "/v1/admin/accounts", "/v1/admin/members", "/v1/admin/clock-events"]
PATHS += ["/v1/admin/audit-events", "/v1/admin/time?by=account,member&to=2100-01-01T00:00:00Z"]
NAMES = ["=1", "\uff0d2", "x;=3", 'y;"\uff204', "\uff0b"]


def test_every_csv_of_the_service_is_made_so(world: World, client: AppClient) -> None:
    maya = world.admin("@Maya")
    for name in NAMES:
        member = {"display_name": name, "role": "va"}
        made = client.post("/v1/admin/members", json=member, headers=world.bearer(maya))
        assert made.status_code == 201
        account = world.account(name)
        world.clock_in(world.va(f"{name}2"), account)
        cleared = client.delete(
            f"/v1/admin/presence/{account.id}?reason=%3B%3D{name}", headers=world.bearer(maya)
        )
        assert cleared.status_code == 204
        world.clock_in(world.va(f"{name}3"), account, ago(600))
    for path in PATHS:
        answer = client.get(path, headers=world.bearer(maya) | {"Accept": "text/csv"})
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")
        for read in (cells_by(","), *OTHERS):
            assert not [cell for cell in read(answer.text) if cell.startswith(tuple(FORMULA))], path
        assert "'\uff0d2" in answer.text, path


def test_every_list_is_a_table_for_terminals_with_a_line_for_each_entry(
    world: World, client: AppClient
) -> None:
    maya, acme = world.admin("Maya Stone"), world.account("Acme Dental")
    world.clock_in(world.va("Ana Reyes"), acme, ago(60))
    reason = "?reason=two%0Alines%09and%20a%20tab"
    clear = f"/v1/admin/presence/{acme.id}{reason}"
    assert client.delete(clear, headers=world.bearer(maya)).status_code == 204
    for path in PATHS[1:]:
        listed = world.get(client, maya, path.removeprefix("/v1/")).get_json()
        (rows,) = (value for value in listed.values() if isinstance(value, list))
        answer = client.get(path, headers=world.bearer(maya) | {"Accept": "text/plain"})
        assert (answer.status_code, answer.mimetype) == (200, "text/plain")
        heading, *lines = answer.text.splitlines()
        assert len(lines) == len(rows) > 0, path
        assert set(rows[0]) <= set(heading.lower().split()), path
    assert "two lines and a tab" in client.get(
        PATHS[3], headers=world.bearer(maya) | {"Accept": "text/plain"}
    ).get_data(as_text=True)


def test_every_list_is_ndjson_with_the_rows_of_its_csv(world: World, client: AppClient) -> None:
    maya, acme = world.admin("Maya Stone"), world.account("Acme Dental")
    world.clock_in(world.va("Ana Reyes"), acme, ago(60))
    for path in PATHS:
        accepting = {
            media_type: client.get(path, headers=world.bearer(maya) | {"Accept": media_type})
            for media_type in ("text/csv", "application/x-ndjson")
        }
        ndjson = accepting["application/x-ndjson"]
        assert (ndjson.status_code, ndjson.mimetype) == (200, "application/x-ndjson")
        assert ndjson.text.endswith("\n")
        rows = [json.loads(line) for line in ndjson.text.splitlines()]
        table = list(csv.DictReader(io.StringIO(accepting["text/csv"].text, newline="")))
        assert len(rows) == len(table) > 0, path
        for row, cells in zip(rows, table, strict=True):
            assert row.keys() <= cells.keys()
            assert {name for name, cell in cells.items() if cell} <= row.keys(), path
            text = {name: value for name, value in row.items() if isinstance(value, str)}
            assert text.items() <= cells.items(), path


def test_a_snapshot_as_ndjson_ends_with_me(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account("Acme Dental")
    held = world.clock_in(ana, acme)
    lines = {}
    for member in (maya, ana):
        answer = world.get(client, member, "presence", accept="application/x-ndjson")
        *entries, me = [json.loads(line) for line in answer.text.splitlines()]
        (entry,) = entries
        assert (entry["row"], me["row"]) == ("presence", "me")
        assert entry["account_name"] == "Acme Dental"
        assert entry["version"] == me["version"] > 0
        lines[member.id] = entry, me
    assert lines[maya.id][1]["presence_id"] is None
    assert lines[ana.id][1]["presence_id"] == str(held.presence_id)
    assert set(lines[ana.id][0]) == {
        *("row", "account_id", "account_name", "version", "accounts_version", "stale_after"),
    }
