"""scripts/: how they are used, where the token goes, and what they say when refused."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.programs import program
from tests.support.scripts import NAMES, SCRIPTS, Admin
from tests.support.world import World

NOBODY = "00000000-0000-4000-8000-000000000000"


# Without a service


@pytest.mark.parametrize("name", NAMES)
def test_every_script_explains_itself(name: str) -> None:
    done = subprocess.run([SCRIPTS / name, "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{name}: ")
    assert f"\nusage: {name}" in done.stdout
    assert "Exit status: 0 done, 1 refused by the service, 2 wrong usage, 3 " in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_understood_is_wrong_usage(name: str) -> None:
    done = Admin("http://127.0.0.1:1", "token").try_(name, "--nonsense")
    assert (done.status, done.out) == (2, "")
    assert done.err == f"{name}: --nonsense is not understood. See: {name} --help\n"


@pytest.mark.parametrize("arguments", [["who", "x"], ["clear"], ["add-account", "a", "b"]])
def test_arguments_are_counted(arguments: list[str]) -> None:
    done = Admin("http://127.0.0.1:1", "token").try_(*arguments)
    assert done.status == 2
    assert "wrong number of arguments" in done.err


@pytest.mark.parametrize(
    ("missing", "said"), [("PRESENCE_URL", "set PRESENCE_URL"), ("PRESENCE_TOKEN", "set PRESENCE_")]
)
def test_what_is_not_set_is_named(missing: str, said: str) -> None:
    done = Admin("http://127.0.0.1:1", "token").try_("who", **{missing: ""})
    assert done.status == 2
    assert said in done.err


def test_a_service_that_is_away_is_unreachable() -> None:
    done = Admin("http://127.0.0.1:1", "token").try_("who")
    assert done.status == 3
    assert done.err.startswith("who: http://127.0.0.1:1 can't be reached: curl: (7) ")


def test_shellcheck_finds_nothing() -> None:
    command = [program("shellcheck"), *map(str, SCRIPTS.iterdir())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


# The token


def test_a_token_may_come_from_a_file_that_nobody_else_can_read(
    admin: Admin, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{admin.token}\n")
    variables = {"PRESENCE_TOKEN": "", "PRESENCE_TOKEN_FILE": str(file)}
    for mode in (0o600, 0o400):
        file.chmod(mode)
        assert admin.try_("who", **variables).status == 0
    for mode in (0o644, 0o640, 0o604, 0o700):
        file.chmod(mode)
        done = admin.try_("who", **variables)
        assert done.status == 2
        assert done.err.startswith(f"who: others must not have access to {file}: run chmod 600")


def test_the_token_is_on_no_command_line(admin: Admin, tmp_path: Path) -> None:
    curl, seen = tmp_path / "curl", tmp_path / "seen"
    curl.write_text(f'#!/bin/sh\necho "$@" >> {seen}\nexec {program("curl")} "$@"\n')
    curl.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    for arguments in (["who"], ["add-account", "Acme Dental"], ["clear", "Acme Dental"]):
        admin.try_(*arguments, PATH=path)
    lines = seen.read_text().splitlines()
    assert len(lines) == 4
    assert admin.token not in seen.read_text()


def test_what_is_no_token_is_not_sent(admin: Admin) -> None:
    done = admin.try_("who", PRESENCE_TOKEN='x"\nurl = "http://127.0.0.1:1')
    assert done.status == 2
    assert "not a token" in done.err


# What the service refuses


def test_a_refusal_is_given_in_the_services_words(admin: Admin, org: World) -> None:
    org.account()
    done = admin.try_("add-account", "ACME dental")
    assert (done.status, done.out) == (1, "")
    assert done.err == "add-account: Another account, perhaps an archived one, has this name.\n"
    done = admin.try_("who", PRESENCE_TOKEN="nonsense")
    assert (done.status, done.err) == (
        1,
        "who: This is not a token of this service. Sign in again.\n",
    )


def test_a_refused_field_is_named(admin: Admin) -> None:
    done = admin.try_("add-member", "Ana", "--role", "boss")
    assert done.status == 1
    assert "(role: Must be one of: admin, va.)" in done.err


def test_a_va_is_refused(admin: Admin, org: World) -> None:
    ana = Admin(admin.url, org.token(org.va()))
    for arguments in (["clear", NOBODY], ["history"], ["export", "/nowhere"], ["hours"]):
        done = ana.try_(*arguments)
        assert (done.status, done.out) == (1, "")
        assert "Only an admin of the org may do this." in done.err
