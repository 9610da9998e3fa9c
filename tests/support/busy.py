"""Clients that ask over and over again, and orgs whose row another transaction locks."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from time import monotonic
from typing import Any, NamedTuple

import psycopg2

from tests.support.connection import Answer, Connection
from tests.support.pollers import Crowd
from tests.support.stage import Stage
from tests.support.world import World

PAUSE_SECONDS = 0.2  # between two requests of a client: a member may write 120 times a minute


class Call(NamedTuple):
    """A request: its method, path, body and headers."""

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012 - a tuple's default


class Told(NamedTuple):
    call: Call
    answer: Answer
    seconds: float

    @property
    def code(self) -> str | None:
        return self.answer.json["code"] if self.answer.status >= 400 else None


@dataclass
class Busy:
    """A client that sends these, one after the other and over again, on one connection."""

    url: str
    calls: list[Call]
    told: list[Told] = field(default_factory=list)

    async def run(self) -> None:
        connection = Connection(self.url)
        try:
            for call in cycle(self.calls):
                sent_at = monotonic()
                answer = await connection.ask(call.method, call.path, call.body, **call.headers)
                self.told.append(Told(call, answer, monotonic() - sent_at))
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            connection.close()


@contextmanager
def locked(stage: Stage, *orgs: World) -> Iterator[None]:
    """Meanwhile another transaction has the rows of these orgs."""
    with closing(psycopg2.connect(stage.postgres.url)) as connection, connection.cursor() as cursor:
        cursor.execute("SET presence.org_id = '*'")
        cursor.execute(
            "SELECT 1 FROM presence.orgs WHERE id = ANY(%s::uuid[]) FOR UPDATE",
            ([str(org.id) for org in orgs],),
        )
        yield
        connection.rollback()


def clocking(world: World, name: str) -> list[Call]:
    """A member clocks in and out by token, and looks at the accounts."""
    member, account = world.va(name), world.account(f"Where {name} works")
    bearer = world.bearer(member)
    return [
        Call("POST", "/v1/clock-in", {"account_id": str(account.id)}, bearer),
        Call("POST", "/v1/clock-out", {}, bearer),
    ]


def signing_in(world: World, name: str, **headers: str) -> list[Call]:
    """A member signs in and clocks in by access code."""
    member, account = world.va(name), world.account(f"Where {name} works")
    code = {"access_code": world.code(member)}
    return [
        Call("POST", "/v1/sessions", code, headers),
        Call("POST", "/v1/clock-in", code | {"account_id": str(account.id)}, headers),
    ]


def everything(world: World) -> list[list[Call]]:
    """What goes on in an org on a morning, each list by a client of its own."""
    maya = world.bearer(world.admin())
    path = f"/v1/admin/accounts/{world.account('Renamed all day').id}"
    return [
        clocking(world, "Ana Reyes"),
        signing_in(world, "Ben Cruz"),
        [Call("POST", "/v1/sessions/renew", {}, maya), Call("GET", "/v1/me", None, maya)],
        [Call("PATCH", path, {"name": f"Renamed {number}"}, maya) for number in (1, 2)],
        [
            Call("GET", "/v1/admin/clock-events", None, maya),
            Call("GET", "/v1/accounts", None, maya),
        ],
    ]


def clients(stage: Stage, calls: list[list[Call]]) -> list[Busy]:
    return [Busy(stage.server.url, each) for each in calls]


@contextmanager
def running(*all_clients: list[Busy]) -> Iterator[Crowd]:
    with Crowd() as crowd:
        for client in (each for some in all_clients for each in some):
            crowd.start(client.run())
        yield crowd


def told(some: list[Busy], since: Callable[[Told], bool] = lambda _: True) -> list[Told]:
    return [each for client in some for each in client.told if since(each)]
