"""flask demo, and the demo org that the setup makes."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from cli.demo import ACCOUNTS, ADMINS, VAS
from models import AccessCode, MemberSession
from models.database import Database
from models.reach import EVERY_ORG
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.commands import CODE, as_json, last_word, me, signed_in, words


def test_the_demo_is_what_the_contract_says(app: Flask, client: AppClient) -> None:
    demo = as_json(app, "demo")
    assert demo.keys() == {"org", "accounts", "members"}
    assert demo["org"].keys() == {"id", "name"}
    assert [account["name"] for account in demo["accounts"]] == list(ACCOUNTS)
    assert len(demo["accounts"]) >= 8
    roles = [member["role"] for member in demo["members"]]
    assert roles.count("admin") >= 2
    assert roles.count("va") >= 6
    for member in demo["members"]:
        described = {k: member.pop(k) for k in ("id", "user_id", "display_name", "role")}
        assert CODE.fullmatch(member["access_code"])
        session = signed_in(client, member.pop("access_code"))
        assert session["member"] == me(client, member.pop("token"))["member"] == described
        assert session["org"] == demo["org"]
        assert session["accounts"] == demo["accounts"]
        assert member == {}


def test_the_demo_again_is_the_same_org_with_more_codes(app: Flask, client: AppClient) -> None:
    first = as_json(app, "demo")
    clock_everyone_in(client, first)
    second = as_json(app, "demo")
    for member in second["members"]:
        assert me(client, member["token"])["presence"] is None
    for demo in (first, second):
        assert [signed_in(client, m["access_code"])["member"]["id"] for m in demo["members"]] == [
            me(client, m["token"])["member"]["id"] for m in first["members"]
        ]
    assert len({m["access_code"] for demo in (first, second) for m in demo["members"]}) == 16
    assert (second["org"], second["accounts"]) == (first["org"], first["accounts"])


def clock_everyone_in(client: AppClient, demo: dict[str, Any]) -> None:
    for member, account in zip(demo["members"], demo["accounts"], strict=True):
        body = {"access_code": member["access_code"], "account_id": account["id"]}
        assert client.post("/v1/clock-in", json=body).status_code == 201


def test_the_demo_in_words_lists_a_code_for_everyone(app: Flask, client: AppClient) -> None:
    lines = words(app, "demo").splitlines()
    assert len(lines) == len([*ADMINS, *VAS])
    for line in lines:
        member = signed_in(client, last_word(line))["member"]
        assert line.split()[:-1] == [*member["display_name"].split(), member["role"]]


def test_setup_fills_the_empty_default_database(default_app: Flask) -> None:
    first = words(default_app, "setup", "--url", "http://127.0.0.1:8123")
    assert first.startswith("Migrated the database to the newest schema.\n")
    for name in (*ADMINS, *VAS):
        assert name in first
    assert "http://127.0.0.1:8123/docs" in first
    assert "They expire at" not in first
    assert len(CODE.findall(first)) == len([*ADMINS, *VAS]) + 3  # those of the lines to try
    assert "eyJ" not in first
    before = code_ids(default_app)
    for again in (("setup",), ("setup", "--demo")):
        printed = words(default_app, *again)
        assert "migrated" not in printed
        assert not CODE.search(printed)
        assert "code issue --member" in printed
    assert code_ids(default_app) == before


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "presence.example", ""])  # noqa: S104
def test_codes_end_where_others_can_reach_the_demo(default_app: Flask, host: str) -> None:
    assert "They expire at" in words(default_app, "setup", "--url", f"http://{host}:8000")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"])
def test_codes_do_not_end_where_this_machine_alone_can(default_app: Flask, host: str) -> None:
    assert "They expire at" not in words(default_app, "setup", "--url", f"http://{host}:8000")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])  # noqa: S104
def test_endless_codes_of_the_demo_get_an_end_once_others_can_reach_it(
    default_app: Flask, host: str
) -> None:
    public = ("setup", "--url", f"http://{host}:8000")
    found = CODE.search(words(default_app, "setup"))
    assert found
    client = AppClient(default_app)
    session = signed_in(client, found[0])
    words(default_app, "org", "create", "Acme")
    other = as_json(default_app, "member", "add", "--org", "Acme", "--name", "Eve", "--role", "va")
    words(default_app, "code", "issue", "--member", other["id"])
    assert "now expire at" not in words(default_app, "setup")
    assert set(ends_of_codes(default_app)) == {None}

    before = utc_now()
    printed = words(default_app, *public)
    ends_at = re.search(r"The codes of Demo Bookkeeping now expire at (\S+ \S+) UTC", printed)
    assert ends_at
    ends = ends_of_codes(default_app)
    assert ends.count(None) == 1  # of the other org
    for end in filter(None, ends):
        assert timedelta(0) <= end - before - timedelta(days=1) < timedelta(minutes=1)
        assert f"{end:%Y-%m-%d %H:%M}" == ends_at[1]
    with database_of(default_app).read(EVERY_ORG) as read:
        row = read.get_one(MemberSession, UUID(session["session_id"]))
        assert row.renewable_until in ends
    assert signed_in(client, found[0])

    # What has an end keeps it, at a later start too.
    assert "now expire at" not in words(default_app, *public)
    assert sorted(map(str, ends_of_codes(default_app))) == sorted(map(str, ends))


def test_setup_leaves_a_default_database_with_another_org_alone(default_app: Flask) -> None:
    words(default_app, "setup")
    (demo_id,) = org_ids(default_app)
    words(default_app, "org", "delete", demo_id)
    words(default_app, "org", "create", "Acme")
    assert "Access codes" not in words(default_app, "setup")
    assert "Access codes" in words(default_app, "setup", "--demo")
    assert len(org_ids(default_app)) == 2


def test_setup_fills_another_database_only_with_demo(
    empty_url: str, app_on: Callable[..., Flask]
) -> None:
    app = app_on(empty_url)
    for _ in range(2):
        assert not CODE.search(words(app, "setup"))
        assert org_ids(app) == []
    assert CODE.search(words(app, "setup", "--demo"))
    assert len(org_ids(app)) == 1
    # Who starts a server must not see the codes of one that is in use.
    assert not CODE.search(words(app, "setup"))


def test_setup_clocks_nobody_out(default_app: Flask) -> None:
    words(default_app, "setup")
    client, demo = AppClient(default_app), as_json(default_app, "demo")
    clock_everyone_in(client, demo)
    words(default_app, "setup")
    assert all(me(client, member["token"])["presence"] for member in demo["members"])


@pytest.mark.parametrize("role", ["admin", "va", ""])
def test_setup_serves_a_demo_org_that_lost_members(default_app: Flask, role: str) -> None:
    words(default_app, "setup")
    for member in as_json(default_app, "demo")["members"]:
        if role in ("", member["role"]):
            words(default_app, "member", "delete", member["id"])
    printed = words(default_app, "setup")
    assert "curl" not in printed
    assert "The board is at" in printed


def code_ids(app: Flask) -> set[str]:
    database: Database = app.extensions["presence"].database
    with database.read(EVERY_ORG) as session:
        rows = session.connection().exec_driver_sql("SELECT id FROM access_codes")
        return {str(row[0]) for row in rows}


def ends_of_codes(app: Flask) -> list[datetime | None]:
    with database_of(app).read(EVERY_ORG) as session:
        return list(session.scalars(select(AccessCode.expires_at)))


def database_of(app: Flask) -> Database:
    database: Database = app.extensions["presence"].database
    return database


def org_ids(app: Flask) -> list[str]:
    database: Database = app.extensions["presence"].database
    with database.read(EVERY_ORG) as session:
        rows = session.connection().exec_driver_sql("SELECT id FROM orgs")
        return [str(row[0]) for row in rows]
