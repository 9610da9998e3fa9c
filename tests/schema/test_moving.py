"""A database of the release before PRESENCE_DB_SCHEMA is recognised, and moved by the recipe."""

import re
from collections.abc import Iterator

import pytest

from tests.support import ROOT
from tests.support.app_client import AppClient
from tests.support.commands import refusal, signed_in, words
from tests.support.databases import new_postgresql
from tests.support.outside import app_on, query, tables_in
from tests.support.previous_release import CODE, make

OPERATING = (ROOT / "docs/operating.md").read_text()
(RECIPE,) = re.findall("```sql\n(BEGIN;\n.*?)```", OPERATING, re.DOTALL)


@pytest.fixture
def former(postgresql_server: str) -> Iterator[str]:
    with new_postgresql(postgresql_server) as url:
        make(url)
        yield url


def test_setup_stops_and_leaves_it_as_it_is(former: str) -> None:
    before = tables_in(former, "public")
    with app_on(former) as app:
        said = refusal(app, "setup")
    assert said.startswith('The schema "public" has the tables of an earlier release of Presence.')
    assert tables_in(former, "public") == before
    assert tables_in(former, "presence") == set()
    assert query(former, "SELECT version_num FROM alembic_version") == [("0007",)]


def test_it_is_recognised_in_any_schema(former: str) -> None:
    query(former, "ALTER SCHEMA public RENAME TO elsewhere")
    with app_on(former) as app:
        assert 'The schema "elsewhere" has the tables' in refusal(app, "setup")


def test_a_new_environment_may_begin_beside_it(former: str) -> None:
    with app_on(former) as app:
        query(former, refusal(app, "setup").rpartition("run: ")[2])
        words(app, "setup")
        assert query(former, "SELECT version_num FROM alembic_version") == [("0007",)]


def test_the_recipe_moves_it_and_it_works(former: str) -> None:
    query(former, RECIPE)
    with app_on(former) as app:
        assert "Migrated" in words(app, "setup")
        client = AppClient(app)
        session = signed_in(client, CODE)
        assert session["presence"]["account_id"] == session["accounts"][0]["id"]
        bearer = {"Authorization": f"Bearer {session['token']}"}
        assert client.post("/v1/clock-out", json={}, headers=bearer).json["cleared"]
        events = client.get("/v1/admin/clock-events", headers=bearer).json["clock_events"]
        assert [event["kind"] for event in events] == ["clock_out", "clock_in"]
        assert client.get("/readyz").json["status"] == "ok"
    assert tables_in(former, "public") == set()
