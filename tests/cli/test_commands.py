"""The flask commands: what they make, what they print, and how they fail."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask

from services import access_codes
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.commands import CODE, as_json, last_word, me, misuse, refusal, signed_in, words
from tests.support.world import World


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


def test_an_org_has_the_id_that_it_has_elsewhere(app: Flask) -> None:
    id_ = str(uuid4())
    assert as_json(app, "org", "create", "Acme", "--id", id_) == {"id": id_, "name": "Acme"}
    taken = "This id is not free: another org has it, or a service."
    assert refusal(app, "org", "create", "Other", "--id", id_) == taken
    assert "--id" in misuse(app, "org", "create", "Other", "--id", "42")


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
        typed, settings = issued["access_code"], world.settings
        with world.database.read(world.id) as session:
            look = access_codes.look(session, typed, limited_as="", settings=settings, now=now)
            assert (look.entered is not None) is found


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
