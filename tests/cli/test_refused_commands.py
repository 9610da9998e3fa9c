"""What the flask commands can't do is told in a line."""

import re
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from dev_postgres import free_port
from tests.support import ROOT
from tests.support.commands import misuse, refusal, words
from tests.support.server import environment
from tests.support.settings import SECRET_KEY
from tests.support.world import World

UNKNOWN = "00000000-0000-4000-8000-000000000000"
EVERY = [
    ["org", "create", "Acme"],
    ["org", "delete", UNKNOWN],
    ["account", "add", "--org", "Acme", "Books"],
    ["member", "add", "--org", "Acme", "--name", "Ana", "--role", "va"],
    ["member", "delete", UNKNOWN],
    ["code", "issue", "--member", UNKNOWN],
    ["token", "issue", "--member", UNKNOWN],
    ["service", "issue", "--org", "Acme", "--name", "Sync", "--scope", "history:read"],
    ["demo"],
    ["sweep"],
]
every_command = pytest.mark.parametrize("arguments", EVERY, ids=" ".join)


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
