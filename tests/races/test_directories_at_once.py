"""Applications that send their directories at once."""

from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from flask import Flask

from models import Membership
from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem
from tests.support.races import at_once
from tests.support.world import World

ROUNDS = 15
ENTRIES = 40
Json = dict[str, Any]


class Application(NamedTuple):
    """It sends an org's directory to a server, forwards or backwards."""

    org: World
    admin: Membership
    server: Flask
    step: int

    def put(self, *entries: Json, part: str = "accounts") -> AppAnswer:
        listed: Json = {part: entries[:: self.step]}
        return self.org.put(AppClient(self.server), self.admin, "admin/directory", **listed)


@pytest.fixture
def applications(world: World, servers: list[Flask]) -> list[Application]:
    """Of two orgs. In opposite orders, since what they bring at once must not deadlock."""
    other = World(world.database, world.settings, "Theirs")
    return [
        Application(world, world.admin(), servers[0], 1),
        Application(other, other.admin(), servers[1], -1),
    ]


def test_of_two_orgs_that_bring_an_id_at_once_one_gets_it(
    applications: list[Application],
) -> None:
    for _ in range(ROUNDS):
        both = [{"id": str(uuid4()), "name": "Acme"} for _ in range(ENTRIES)]
        before = [each.org.versions() for each in applications]
        answers = at_once(*(partial(each.put, account(), *both) for each in applications))
        (refused,) = (index for index in (0, 1) if answers[index].status_code != 200)
        problem = assert_problem(answers[refused], 409, "id_taken")
        assert problem["id"] in {entry["id"] for entry in both}
        assert applications[refused].org.versions() == before[refused]
        assert answers[1 - refused].json["accounts"]["created"] == ENTRIES + 1


def account() -> Json:
    return {"id": str(uuid4()), "name": "Heron"}


def test_users_whom_two_orgs_bring_at_once_are_in_both(applications: list[Application]) -> None:
    for _ in range(ROUNDS):
        people = [
            {"user_id": str(uuid4()), "display_name": "Ana", "role": "va"} for _ in range(ENTRIES)
        ]
        answers = at_once(*(partial(each.put, *people, part="members") for each in applications))
        assert [answer.json["members"]["created"] for answer in answers] == [ENTRIES] * 2


def test_of_one_org_one_call_follows_the_other(world: World, servers: list[Flask]) -> None:
    admins = [world.admin(), world.admin("Tom")]
    ids = [str(uuid4()) for _ in range(ENTRIES)]
    for number in range(ROUNDS):
        names = [f"First {number}", f"Second {number}"]
        senders = [
            Application(world, admin, server, step)
            for admin, server, step in zip(admins, servers, (1, -1), strict=True)
        ]
        answers = at_once(
            *(
                partial(each.put, *({"id": id_, "name": name} for id_ in ids))
                for each, name in zip(senders, names, strict=True)
            )
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        versions = [int(answer.headers["Presence-Version"]) for answer in answers]
        (name,) = {
            account["name"]
            for account in world.get(AppClient(servers[0]), admins[0], "accounts").json["accounts"]
        }
        assert name == names[versions.index(max(versions))]
        assert versions[0] != versions[1]


def test_a_user_erased_here_while_another_org_takes_them_in_is_there_afterwards(
    world: World, servers: list[Flask]
) -> None:
    other = World(world.database, world.settings, "Theirs")
    maya, zoe = world.admin(), other.admin()
    for _ in range(ROUNDS):
        user_id = uuid4()
        path = f"admin/users/{user_id}"
        world.put(AppClient(servers[0]), maya, path, display_name="Ana", role="va")
        gone, made = at_once(
            partial(world.delete, AppClient(servers[0]), maya, path, erase="true"),
            partial(other.put, AppClient(servers[1]), zoe, path, display_name="A.", role="va"),
        )
        assert (gone.status_code, made.status_code) == (204, 201)
        answer = other.put(AppClient(servers[1]), zoe, path, display_name="A.", role="va")
        assert (answer.status_code, answer.json) == (200, made.json)
