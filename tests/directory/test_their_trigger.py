"""A real server follows a real trigger in the adopter's database."""

import json
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from sqlalchemy import select

from models import Account, Membership
from models.database import Database
from models.reach import EVERY_ORG
from tests.support.adopter import SCHEMA, TRIGGERS, Adopter
from tests.support.databases import empty_postgresql, migrate, opened
from tests.support.server import Server, copy_project, running_server
from tests.support.settings import SECRET_KEY, settings_for
from tests.support.world import World

PATIENCE_SECONDS = 30.0
CHANGES = 5


def get(server: Server, path: str, token: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    direct.addheaders = [("Authorization", f"Bearer {token}")]
    with direct.open(f"{server.url}/v1/{path}") as answer:
        return json.load(answer)


def seconds_until(is_so: Callable[[], Any]) -> float:
    begun = monotonic()
    while not is_so():
        assert monotonic() < begun + PATIENCE_SECONDS
        sleep(0.02)
    return monotonic() - begun


def found(database: Database, model: Any, org_id: UUID) -> Any:
    with database.read(EVERY_ORG) as session:
        row = session.scalars(select(model).where(model.org_id == org_id)).first()
        session.expunge_all()
        return row


def test_what_their_trigger_tells_is_on_the_board_within_a_second(
    postgresql_server: str, tmp_path: Path
) -> None:
    with empty_postgresql(postgresql_server) as url, opened(url) as database:
        migrate(url)
        adopter = Adopter(database)
        adopter.set_up()
        adopter.run(TRIGGERS)
        org_id = adopter.org()
        acme, maya = adopter.account(org_id), adopter.member(org_id)
        settings = {
            "DATABASE_URL": url,
            "PRESENCE_SECRET_KEY": SECRET_KEY,
            "PRESENCE_DIRECTORY_SCHEMA": SCHEMA,
        }
        with running_server(copy_project(tmp_path / "presence"), **settings) as server:
            # The first comparison is at the start.
            seconds_until(lambda: found(database, Account, org_id))
            theirs = World(database, settings_for(url))
            theirs.id = org_id
            member = found(database, Membership, org_id)
            assert member.user_id == maya
            theirs.clock_in(member, found(database, Account, org_id))
            token = theirs.token(member)

            def is_named(*names: str) -> bool:
                (account,) = get(server, "accounts", token)["accounts"]
                (entry,) = get(server, "presence", token)["presence"]
                return names == (account["name"], entry["display_name"])

            seconds_until(partial(is_named, "Acme Dental", "Maya Chen"))
            took = []
            for number in range(CHANGES):
                adopter.run(
                    "UPDATE public.accounts SET name = :name WHERE id = :id",
                    name=f"Acme {number}",
                    id=acme,
                )
                adopter.run(
                    "UPDATE public.profiles SET display_name = :name", name=f"Maya {number}"
                )
                took.append(seconds_until(partial(is_named, f"Acme {number}", f"Maya {number}")))
            assert median(took) < 1, took
            adopter.run("DELETE FROM public.accounts")
            seconds_until(lambda: get(server, "accounts", token)["accounts"] == [])
            assert theirs.kinds() == ["clock_in", "force_clear"]
        assert "directory" not in server.output
