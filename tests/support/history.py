"""The history over HTTP, as admins read it."""

from collections.abc import Iterator
from typing import Any

from models import Account, Membership
from tests.support.app_client import AppAnswer, AppClient
from tests.support.world import World, ago

FIELDS = [
    "id",
    "kind",
    "account_id",
    "account_name",
    "user_id",
    "display_name",
    "presence_id",
    "actor_id",
    "reason",
    "occurred_at",
    "received_at",
    "version",
    "from_account_id",
    "from_presence_id",
]
CSV = {"Accept": "text/csv"}


def get(
    world: World,
    client: AppClient,
    maya: Membership,
    path: str = "clock-events",
    headers: dict[str, str] | None = None,
    **query: Any,
) -> AppAnswer:
    query = {name.strip("_"): value for name, value in query.items()}
    return client.get(
        f"/v1/admin/{path}", query_string=query, headers=world.bearer(maya) | (headers or {})
    )


def entries(world: World, client: AppClient, maya: Membership, **query: Any) -> list[Any]:
    answer = get(world, client, maya, **query)
    assert answer.status_code == 200, answer.data
    found: list[Any] = answer.get_json()["clock_events"]
    return found


def kinds(world: World, client: AppClient, maya: Membership, **query: Any) -> list[str]:
    return [entry["kind"] for entry in entries(world, client, maya, **query)]


def pages(world: World, client: AppClient, maya: Membership, **query: Any) -> Iterator[list[Any]]:
    """Page after page, by the cursor."""
    more: dict[str, Any] = {}
    while True:
        body = get(world, client, maya, **query, **more).get_json()
        yield body["clock_events"]
        if body["next"] is None:
            return
        more = {"cursor": body["next"]}


def busy(world: World, times: int) -> tuple[Membership, Account, Account]:
    """Ana went to and fro so often: a clock-in, and switches, a minute each."""
    ana, acme, heron = world.va(), world.account(), world.account("Blue Heron Bakery")
    for number in range(times):
        world.clock_in(ana, (acme, heron)[number % 2], ago(60 * (times - number)))
    return ana, acme, heron
