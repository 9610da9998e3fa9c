"""The flask commands: what they make, what they print, and how they fail."""

import re
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

import settings as settings_module
from app import create_app
from cli.demo import ACCOUNTS, ADMINS, VAS
from dev_postgres import free_port
from models import AccessCode, MemberSession
from models.session import Database
from services import access_codes
from services.times import utc_now
from settings import from_environment
from tests.support import ROOT
from tests.support.app_client import AppClient
from tests.support.commands import as_json, misuse, refusal, words
from tests.support.server import environment
from tests.support.settings import SECRET_KEY, settings_for
from tests.support.world import World

# Whole words only: three groups of digits within a UUID look like a code.
CODE = re.compile(r"(?<![\w-])[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}(?![\w-])")
UNKNOWN = "00000000-0000-4000-8000-000000000000"

EVERY = [
    ["org", "create", "Acme"],
    ["org", "delete", UNKNOWN],
    ["account", "add", "--org", "Acme", "Books"],
    ["member", "add", "--org", "Acme", "--name", "Ana", "--role", "va"],
    ["member", "delete", UNKNOWN],
    ["code", "issue", "--member", UNKNOWN],
    ["token", "issue", "--member", UNKNOWN],
    ["demo"],
    ["sweep"],
]
every_command = pytest.mark.parametrize("arguments", EVERY, ids=" ".join)


def signed_in(client: AppClient, code: str) -> Any:
    answer = client.post("/v1/sessions", json={"access_code": code})
    assert answer.status_code == 200, answer.json
    return answer.json


def me(client: AppClient, token: str) -> Any:
    answer = client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.json
    return answer.json


def test_an_org_is_made_by_commands_alone(app: Flask, client: AppClient) -> None:
    org = as_json(app, "org", "create", "Ábaco & Söhne")
    account = as_json(app, "account", "add", "--org", org["name"], "Acme Dental")
    person = ("member", "add", "--org", org["id"], "--name", "Ana Reyes", "--role", "va")
    member = as_json(app, *person)
    code = as_json(app, "code", "issue", "--member", member["id"])
    session = signed_in(client, code["access_code"])
    assert session["org"] == org
    assert session["accounts"] == [account]
    assert session["member"] == member


def test_in_words_each_tells_the_id_that_the_next_needs(app: Flask, client: AppClient) -> None:
    org_id = last_word(words(app, "org", "create", "Acme"))
    account_id = last_word(words(app, "account", "add", "--org", org_id, "Acme Dental"))
    made = words(app, "member", "add", "--org", "Acme", "--name", "Ana Reyes", "--role", "va")
    assert made.startswith("Made the member Ana Reyes: ")
    issued = words(app, "code", "issue", "--member", last_word(made), "--account", account_id)
    code, explained = issued.splitlines()
    assert CODE.fullmatch(code)
    assert "Ana Reyes" in explained
    assert signed_in(client, code)["accounts"][0]["id"] == account_id
    token = words(app, "token", "issue", "--member", last_word(made)).strip()
    assert me(client, token)["org"]["id"] == org_id
    assert words(app, "sweep") == "0 became stale, 0 expired.\n"
    assert words(app, "member", "delete", last_word(made)) == "Erased Ana Reyes.\n"
    assert words(app, "org", "delete", org_id) == "Erased the org Acme.\n"


def last_word(line: str) -> str:
    return line.split()[-1]


def test_a_bound_code_lets_in_to_its_account_only(
    app: Flask, client: AppClient, world: World
) -> None:
    acme, books = world.account(), world.account("Books")
    issue = ("code", "issue", "--member", str(world.va().id), "--account", str(acme.id))
    issued = as_json(app, *issue)
    assert issued["account_id"] == str(acme.id)
    body = {"access_code": issued["access_code"]}
    other = client.post("/v1/clock-in", json=body | {"account_id": str(books.id)})
    assert (other.status_code, other.json["code"]) == (403, "account_not_allowed")
    assert client.post("/v1/clock-in", json=body).status_code == 201


def test_a_code_expires_in_so_many_seconds(app: Flask, world: World) -> None:
    ana = world.va()
    before = utc_now()
    issued = as_json(app, "code", "issue", "--member", str(ana.id), "--expires-in", "600")
    expires_at = datetime.fromisoformat(issued["expires_at"])
    assert before <= expires_at - timedelta(seconds=600) <= utc_now()
    for now, found in ((expires_at - timedelta(seconds=1), True), (expires_at, False)):
        is_valid = access_codes.valid(issued["access_code"], settings=world.settings, now=now)
        query = select(AccessCode.id).where(*is_valid)
        with world.database.read() as session:
            assert (session.execute(query).one_or_none() is not None) is found


def test_a_code_does_not_expire_by_itself(app: Flask, world: World) -> None:
    issued = as_json(app, "code", "issue", "--member", str(world.va().id))
    assert issued["expires_at"] is None
    assert issued["account_id"] is None


@pytest.mark.parametrize(("options", "seconds"), [((), 43200), (("--ttl", "60"), 60)])
def test_a_token_lives_so_many_seconds(
    app: Flask, client: AppClient, world: World, options: tuple[str, ...], seconds: int
) -> None:
    ana = world.va()
    issued = as_json(app, "token", "issue", "--member", str(ana.id), *options)
    left = datetime.fromisoformat(issued["expires_at"]) - utc_now()
    assert seconds - 30 < left.total_seconds() <= seconds
    assert issued["token_type"] == "Bearer"
    assert me(client, issued["token"])["member"]["id"] == issued["member_id"] == str(ana.id)


def test_sweep_counts_what_it_did(app: Flask, world: World) -> None:
    ago = {"Ana Reyes": 200, "Ben Cruz": 4000, "Carla Santos": 5000, "Dino Lim": 10}
    for name, seconds in ago.items():
        world.clock_in(world.va(name), world.account(name), utc_now() - timedelta(seconds=seconds))
    assert as_json(app, "sweep") == {"stale": 1, "expired": 2}
    assert as_json(app, "sweep") == {"stale": 0, "expired": 0}


def test_delete_says_what_it_deleted(app: Flask, world: World) -> None:
    ana, org_id = str(world.va().id), str(world.id)
    assert as_json(app, "member", "delete", ana) == {"id": ana, "deleted": True}
    assert as_json(app, "org", "delete", org_id) == {"id": org_id, "deleted": True}
    assert org_id in refusal(app, "org", "delete", org_id)


def test_an_unknown_id_is_named(app: Flask, world: World) -> None:
    no_member = f"There is no member {UNKNOWN}."
    assert refusal(app, "member", "delete", UNKNOWN) == no_member
    assert refusal(app, "code", "issue", "--member", UNKNOWN) == no_member
    assert refusal(app, "token", "issue", "--member", UNKNOWN) == no_member
    for org in (UNKNOWN, "Nobody & Co."):
        assert refusal(app, "account", "add", "--org", org, "Books") == f"There is no org {org!r}."
    issue = ("code", "issue", "--member", str(world.va().id), "--account", UNKNOWN)
    assert refusal(app, *issue) == "There is no such account, or it is archived."


def test_another_orgs_account_is_as_unknown(app: Flask, world: World) -> None:
    other = World(world.database, world.settings, "Other Bookkeeping")
    foreign, ana = str(other.account().id), str(world.va().id)
    assert "no such account" in refusal(app, "code", "issue", "--member", ana, "--account", foreign)


def test_an_ambiguous_org_name_asks_for_the_id(app: Flask) -> None:
    for _ in range(2):
        words(app, "org", "create", "Acme")
    add = ("account", "add", "--org", "Acme", "Books")
    assert refusal(app, *add) == "2 orgs are called 'Acme': use the id."


def test_a_taken_name_is_refused_in_any_case(app: Flask, world: World) -> None:
    world.account("Straße")
    assert "has this name" in refusal(app, "account", "add", "--org", str(world.id), "STRASSE")


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "\x1b[31mred", "\ud800"])
def test_a_bad_name_is_refused(app: Flask, world: World, name: str) -> None:
    org = ("--org", str(world.id))
    for command in (
        ("org", "create", name),
        ("account", "add", *org, name),
        ("member", "add", *org, "--name", name, "--role", "va"),
    ):
        assert re.search("characters", misuse(app, *command))


@pytest.mark.parametrize(
    "arguments",
    [
        ("member", "delete", "Ana"),
        ("member", "add", "--org", "Acme", "--name", "Ana", "--role", "boss"),
        ("code", "issue", "--member", UNKNOWN, "--expires-in", "0"),
        ("token", "issue", "--member", UNKNOWN, "--ttl", "99999999999"),
        ("org", "create"),
    ],
    ids=" ".join,
)
def test_a_wrongly_typed_command_says_how(app: Flask, arguments: tuple[str, ...]) -> None:
    assert misuse(app, *arguments).startswith("Error: ")


@pytest.fixture
def app_on() -> Iterator[Callable[..., Flask]]:
    made = []

    def app_on(url: str | None) -> Flask:
        made.append(create_app(settings_for(url) if url else from_environment({})))
        return made[-1]

    yield app_on
    for app in made:
        app.extensions["presence"].database.close()


def test_an_unmigrated_database_is_told_in_a_line(
    empty_url: str, app_on: Callable[..., Flask]
) -> None:
    app = app_on(empty_url)
    for arguments in EVERY:
        line = refusal(app, *arguments)
        assert line.startswith("The database can't be used: ")
        assert re.search("no such table|does not exist", line)
        assert line.endswith("migrated with: flask setup?")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_unreachable_database_is_told_in_a_line(
    kind: str, tmp_path: Path, app_on: Callable[..., Flask]
) -> None:
    url, reason = {
        "sqlite": (f"sqlite:///{tmp_path}/missing/presence.db", "unable to open database file"),
        "postgresql": (f"postgresql://u:hush@127.0.0.1:{free_port()}/x", "Connection refused"),
    }[kind]
    app = app_on(url)
    for arguments in [*EVERY, ["setup"]]:
        line = refusal(app, *arguments)
        assert reason in line
        assert "hush" not in line


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


@pytest.fixture
def default_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app_on: Callable[..., Flask]
) -> Flask:
    """On the default database, in a folder of the test's."""
    monkeypatch.setattr(settings_module, "INSTANCE", tmp_path / "instance")
    return app_on(None)


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
    with database_of(default_app).read() as read:
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
    with database.read() as session:
        rows = session.connection().exec_driver_sql("SELECT id FROM access_codes")
        return {str(row[0]) for row in rows}


def ends_of_codes(app: Flask) -> list[datetime | None]:
    with database_of(app).read() as session:
        return list(session.scalars(select(AccessCode.expires_at)))


def database_of(app: Flask) -> Database:
    database: Database = app.extensions["presence"].database
    return database


def org_ids(app: Flask) -> list[str]:
    database: Database = app.extensions["presence"].database
    with database.read() as session:
        rows = session.connection().exec_driver_sql("SELECT id FROM orgs")
        return [str(row[0]) for row in rows]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://127.0.0.1/x"),
        ("PRESENCE_SECRET_KEY", "short"),
        ("PRESENCE_POLL_INTERVAL", "soon"),
    ],
)
@pytest.mark.parametrize(
    "program", [["flask", "--app", "app", "setup"], ["gunicorn", "asgi:application"]]
)
def test_a_bad_setting_stops_the_start_in_a_line(program: list[str], name: str, value: str) -> None:
    path = Path(sysconfig.get_path("scripts")) / program[0]
    given = environment(PRESENCE_SECRET_KEY=SECRET_KEY, DATABASE_URL="sqlite:///nowhere")
    done = subprocess.run(
        [path, *program[1:]], cwd=ROOT, env=given | {name: value}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"presence: {name} must be ")
