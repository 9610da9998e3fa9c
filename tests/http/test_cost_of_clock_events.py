"""What clock events by bearer cost: few statements, in two round trips, with the org locked for the
second alone.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from app import create_app
from models import Account, Membership
from tests.support.app_client import AppAnswer, AppClient
from tests.support.asgi_client import counting
from tests.support.settings import settings_for
from tests.support.wire_to_postgresql import Wire
from tests.support.world import World, ago

Ask = Callable[[AppClient], AppAnswer]


class Scene:
    """Ana is clocked in at Heron; Ben is at Acme."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ana, self.ben, self.maya = world.va(), world.va("Ben Cruz"), world.admin()
        self.acme, self.heron = world.account(), world.account("Blue Heron Bakery")
        self.free = world.account("Cedar Vet")
        self.at_heron = world.clock_in(self.ana, self.heron, ago(300))
        world.clock_in(self.ben, self.acme, ago(300))

    def post(self, who: Membership, path: str, **body: Any) -> Ask:
        """A request that is ready to be sent."""
        headers = self.world.bearer(who) | {"Idempotency-Key": "one"}
        return lambda client: client.post(f"/v1/{path}", json=body, headers=headers)

    def clock_in(self, who: Membership, account: Account, **body: Any) -> Ask:
        return self.post(who, "clock-in", account_id=str(account.id), **body)

    def clear(self, account: Account, query: str = "") -> Ask:
        headers, path = self.world.bearer(self.maya), f"/v1/admin/presence/{account.id}{query}"
        return lambda client: client.delete(path, headers=headers)

    def stale(self) -> Ask:
        self.world.sweep()
        return self.clock_in(self.ana, self.heron)

    def repeated(self, client: AppClient) -> Ask:
        ask = self.clock_in(self.ana, self.free)
        assert ask(client).status_code == 201
        return ask


LATE = {"occurred_at": "2020-01-01T00:00:00Z"}
# What is asked, how it is answered, and the statements.
KINDS: dict[str, tuple[Callable[[Scene, AppClient], Ask], int, int]] = {
    "new": (lambda at, _: at.clock_in(at.maya, at.free), 201, 5),
    "new, queued": (lambda at, _: at.clock_in(at.maya, at.free, **LATE), 201, 5),
    "switch": (lambda at, _: at.clock_in(at.ana, at.free), 201, 5),
    "again": (lambda at, _: at.clock_in(at.ana, at.heron), 200, 3),
    "again, stale": (lambda at, _: at.stale(), 200, 5),
    "repeated": (lambda at, client: at.repeated(client), 201, 1),
    "occupied": (lambda at, _: at.clock_in(at.ana, at.acme), 409, 1),
    "clock-out": (lambda at, _: at.post(at.ana, "clock-out"), 200, 5),
    "clock-out, queued": (lambda at, _: at.post(at.ana, "clock-out", **LATE), 200, 5),
    "clock-out of another": (
        lambda at, _: at.post(at.ana, "clock-out", presence_id=str(uuid4())),
        410,
        2,
    ),
    "clock-out of none": (lambda at, _: at.post(at.maya, "clock-out"), 200, 2),
    "force-clear": (lambda at, _: at.clear(at.acme), 204, 4),
    "force-clear of another": (lambda at, _: at.clear(at.acme, f"?presence_id={uuid4()}"), 410, 2),
    "force-clear of none": (lambda at, _: at.clear(at.free), 404, 1),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_a_clock_event_by_bearer_runs_five_statements_at_most(
    world: World, app: Flask, client: AppClient, kind: str
) -> None:
    make, status, most = KINDS[kind]
    ask = make(Scene(world), client)
    with counting(app.extensions["presence"].database) as statements:
        answer = ask(client)
    assert answer.status_code == status
    assert 1 <= len(statements) <= most, statements
    # Whatever raises versions is last.
    raising = [number for number, each in enumerate(statements) if "UPDATE orgs" in each]
    assert raising in ([], [len(statements) - 1])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@each_kind
def test_its_lock_travels_with_the_read_and_its_writes_with_commit(
    world: World, wire: Wire, kind: str
) -> None:
    make, status, _ = KINDS[kind]
    client = AppClient(create_app(settings_for(wire.url)))
    ask = make(Scene(world), client)
    client.get("/readyz")  # so that a connection has been used
    with wire.counted() as sent:
        assert ask(client).status_code == status
    locks, *between, ends = sent
    assert "clock_state" in locks
    assert ends.endswith("COMMIT")
    assert len(between) == (status == 410)  # how the presence ended
