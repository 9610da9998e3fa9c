"""Whatever ends a server's idle connections to PostgreSQL, the next request is answered at once."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.connection import Connection
from tests.support.stage import Stage, staged, wait_until
from tests.support.world import World, ago

ROUNDS = 8  # of requests on new connections, so that both workers have some


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as stage:
        wait_until(lambda: stage.feeds == (2, 0))
        yield stage


def terminate_all(stage: Stage) -> None:
    stage.terminate({pid for (pid,) in stage.query(BACKENDS)})


def restart(stage: Stage) -> None:
    stage.postgres.stop()
    stage.postgres.start()


BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'presence'"


@pytest.mark.parametrize("end_connections", [terminate_all, restart])
def test_the_next_request_of_each_kind_is_answered_at_its_first_attempt(
    stage: Stage, end_connections: Any
) -> None:
    world = World(stage.world.database, stage.world.settings, end_connections.__name__)
    maya, ana, ben = world.admin(), world.va(), world.va("Ben Cruz")
    acme, heron = world.account("Acme Dental"), world.account("Blue Heron Bakery")
    held = world.clock_in(ben, heron, ago(600))
    admin, va, other = ({"authorization": f"Bearer {world.token(m)}"} for m in (maya, ana, ben))
    requests: list[tuple[str, str, Any, dict[str, str]]] = [
        ("POST", "/v1/sessions", {"access_code": world.code(ana)}, {}),
        ("POST", "/v1/clock-in", {"account_id": str(acme.id)}, va),
        ("POST", "/v1/heartbeat", {"presence_id": str(held.presence_id)}, other),
        ("GET", "/v1/admin/members", None, admin),
        ("GET", "/v1/presence", None, admin),
    ]

    async def asked(method: str, path: str, body: Any, headers: dict[str, str]) -> int:
        connection = Connection(stage.server.url)
        try:
            return (await connection.ask(method, path, body, **headers)).status
        finally:
            connection.close()

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(asked(*each) for each in requests * ROUNDS))

    assert max(asyncio.run(all_at_once())) < 300
    world.database.close()
    for kind in requests:
        end_connections(stage)
        for _ in range(ROUNDS):
            assert asyncio.run(asked(*kind)) < 300, stage.server.output
    stage.assert_quiet()
