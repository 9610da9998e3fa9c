"""GET /v1/presence as a table and as CSV, and how a format is chosen."""

import csv
import io

from services.times import rfc3339
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.world import World

FORMATS = ["application/json", "text/plain", "text/csv"]


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


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
