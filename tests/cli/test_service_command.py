"""flask service: a token for a program."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.commands import as_json, misuse, refusal, words
from tests.support.services import service
from tests.support.world import World

BOTH = ["presence:read", "history:read"]


def issue(world: World, *scopes: str, name: str = "Payroll") -> tuple[str, ...]:
    return ("service", "issue", "--org", str(world.id), "--name", name, *scopes)


def polled(client: AppClient, token: str) -> int:
    return client.get("/v1/presence", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.mark.parametrize(
    "scopes",
    [
        ("--scope", BOTH[0], "--scope", BOTH[1]),
        ("--scope", *BOTH),
        ("--scope", *BOTH, "--scope", BOTH[0]),
    ],
    ids=["repeated", "listed", "doubled"],
)
def test_it_prints_what_the_service_is(
    app: Flask, client: AppClient, world: World, scopes: tuple[str, ...]
) -> None:
    made = as_json(app, *issue(world, *scopes))
    assert (made["name"], sorted(made["scopes"])) == ("Payroll", sorted(BOTH))
    assert polled(client, made["token"]) == 200
    maya = world.admin()
    (listed,) = world.get(client, maya, "admin/services").json["services"]
    assert {**listed, "token": made["token"]} == {
        **made,
        "created_at": listed["created_at"],
        "last_used_at": listed["last_used_at"],
    }
    added = next(event for event in world.log() if event.kind == "service_added")
    assert (added.actor_id, added.display_name) == (None, "Payroll")


def test_in_words_it_prints_the_token_alone(app: Flask, client: AppClient, world: World) -> None:
    token = words(app, *issue(world, "--scope", *BOTH))
    assert token.count("\n") == 1
    assert polled(client, token.strip()) == 200


def test_it_lasts_90_days_or_so_many_seconds(app: Flask, world: World) -> None:
    for options, seconds in (((), 90 * 86400), (("--expires-in", "600"), 600)):
        made = as_json(app, *issue(world, "--scope", "history:read"), *options)
        left = datetime.fromisoformat(made["expires_at"]) - utc_now()
        assert timedelta(seconds=seconds - 60) < left <= timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--scope", "admin"),
        ("--scope", "presence:read", "admin"),
        ("--scope", "presence:read", "--expires-in", "0"),
        ("--scope", "presence:read", "--expires-in", str(366 * 86400)),
    ],
    ids=" ".join,
)
def test_what_is_wrong_is_told(app: Flask, world: World, wrong: tuple[str, ...]) -> None:
    assert misuse(app, *issue(world, *wrong)).startswith("Error: ")


def test_the_scopes_to_choose_from_are_told(app: Flask, world: World) -> None:
    assert misuse(app, *issue(world)).strip() == "directory:write"  # the last of a line each


def test_no_members_command_takes_a_service(app: Flask, world: World) -> None:
    robot = str(service(world).id)
    line = (
        f"{robot} is a service, not a member. An admin can delete it, with "
        f"DELETE /v1/admin/services/{robot}."
    )
    for command in (
        ("member", "delete", robot),
        ("code", "issue", "--member", robot),
        ("token", "issue", "--member", robot),
    ):
        assert refusal(app, *command) == line
    add = ("member", "add", "--org", str(world.id), "--name", "Eve", "--role", "service")
    assert misuse(app, *add).startswith("Error: ")


def test_the_demo_has_no_services(app: Flask, world: World) -> None:
    org = as_json(app, "demo")["org"]
    as_json(
        app, "service", "issue", "--org", org["id"], "--name", "Robot", "--scope", "history:read"
    )
    again = as_json(app, "demo")
    assert {member["role"] for member in again["members"]} == {"admin", "va"}
