"""Admins, repeated requests and starting processes that race each other."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import dev
from tests.support.app_client import AppClient
from tests.support.races import BOUND_SECONDS, Caller, at_once
from tests.support.world import World


@pytest.mark.parametrize(
    "change", [{"role": "va"}, {"active": False}], ids=["demote", "deactivate"]
)
@pytest.mark.parametrize("whom", ["each other", "themselves"])
def test_of_two_admins_who_go_at_once_one_stays(
    world: World, servers: list[Flask], change: dict[str, Any], whom: str
) -> None:
    clients = [AppClient(server) for server in servers]
    for _ in range(20):
        admins = [world.admin(), world.admin("Tom Okafor")]
        targets = admins if whom == "themselves" else admins[::-1]
        headers = [world.bearer(admin) for admin in admins]
        answers = at_once(
            *(
                partial(client.patch, f"/v1/admin/members/{target.id}", json=change, headers=bearer)
                for client, target, bearer in zip(clients, targets, headers, strict=True)
            )
        )
        left = [world.member_now(admin) for admin in admins]
        left = [member for member in left if member.active and member.role == "admin"]
        assert len(left) == 1
        assert sorted(answer.status_code for answer in answers)[0] == 200
        # Whoever came second is an admin no more, or the last one.
        refused = max(answers, key=lambda answer: answer.status_code)
        assert refused.json["code"] in ("last_admin", "admin_only", "not_authenticated")
        if whom == "themselves":
            assert refused.json["code"] == "last_admin"
        world.erase(left[0])


def test_requests_with_the_same_key_at_once_take_effect_once(
    world: World, servers: list[Flask]
) -> None:
    ana, acme = world.va(), world.account()
    twice = [Caller(world, ana, server) for server in servers]
    for number in range(20):
        for kind, ask in {
            "clock_in": partial(Caller.clock_in, account=acme),
            "clock_out": partial(Caller.post, path="clock-out"),
        }.items():
            kinds = world.kinds()
            answers = at_once(*(partial(ask, caller, key=f"{kind} {number}") for caller in twice))
            assert world.kinds() == [*kinds, kind]
            status = 201 if kind == "clock_in" else 200
            assert [answer.status_code for answer in answers] == [status, status]
            first, second = (
                (answer.headers["Presence-Version"], answer.json) for answer in answers
            )
            assert first == second


# Says when it is about to make a key, waits for a line, and says which key it has got.
STARTING = """
import pathlib, settings, sys
make = settings.secrets.token_urlsafe
def make_when_told(size):
    print("making", flush=True)
    sys.stdin.readline()
    return make(size)
settings.secrets.token_urlsafe = make_when_told
settings.INSTANCE = pathlib.Path(sys.argv[1])
print(settings.from_environment({}).secret_key.decode())
"""


def test_two_processes_that_make_the_secret_key_at_once_end_with_one(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    with starting(folder) as one, starting(folder) as other:
        for process in (one, other):
            assert process.stdout
            assert process.stdout.readline() == "making\n"
        keys = [process.communicate("go\n", BOUND_SECONDS)[0] for process in (one, other)]
    assert keys == [(folder / "secret_key").read_text() + "\n"] * 2
    assert [file.name for file in folder.iterdir()] == ["secret_key"]
    assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600


def starting(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTING, str(folder)],
        cwd=dev.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
