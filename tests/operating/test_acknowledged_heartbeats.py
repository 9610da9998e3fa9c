"""An acknowledged heartbeat is in the database, whatever breaks."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.asgi_client import until
from tests.support.beating import Beaters, on_the_clock
from tests.support.stage import Stage, staged, wait_until

MEMBERS = 40
COMMITTED = 'presence_heartbeats_total{by="gate",why="committed"}'


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as stage:
        wait_until(lambda: stage.feeds == (2, 0))
        yield stage


def test_however_a_worker_ends_no_acknowledged_heartbeat_is_lost(stage: Stage) -> None:
    doomed, _ = stage.workers
    members = on_the_clock(stage.world, 2 * MEMBERS)
    killed = Beaters(stage.server.url, members[:MEMBERS], every_seconds=0.005)
    ended = Beaters(stage.server.url, members[MEMBERS:])

    async def kill_one() -> None:
        await until(lambda: len(killed.acknowledged) > MEMBERS / 4)
        os.kill(doomed, signal.SIGKILL)

    async def all_beat() -> None:
        await asyncio.gather(killed.run(), kill_one())

    asyncio.run(all_beat())
    assert {told.status for told in killed.told} == {204, None}
    assert len(killed.acknowledged) == MEMBERS
    assert killed.lost_in(stage.world) == []
    wait_until(lambda: len(stage.workers) == 2 and stage.feeds == (2, 0))
    assert stage.metric(COMMITTED) > MEMBERS / 2  # a killed worker's are not told

    async def end_all() -> None:
        beating = asyncio.ensure_future(ended.run())
        await until(lambda: ended.sent)
        stage.server.process.terminate()
        await beating

    asyncio.run(end_all())
    assert [told.status for told in ended.told] == [204] * MEMBERS
    assert ended.lost_in(stage.world) == []
    stage.server.process.wait(60)
    assert "Traceback" not in stage.server.output


def test_while_the_database_is_away_no_heartbeat_is_acknowledged(stage: Stage) -> None:
    beaters = Beaters(stage.server.url, on_the_clock(stage.world, MEMBERS), every_seconds=0.05)

    async def restart() -> None:
        await until(lambda: len(beaters.acknowledged) > MEMBERS / 4)
        await asyncio.to_thread(stage.postgres.stop)
        away = len(beaters.told)
        await until(lambda: len(beaters.told) > away + MEMBERS)
        assert {told.status for told in beaters.told[away:]} == {503}
        await asyncio.to_thread(stage.postgres.start)

    async def all_beat() -> None:
        await asyncio.gather(beaters.run(), restart())

    asyncio.run(all_beat())
    assert {told.status for told in beaters.told} == {204, 503}
    assert len(beaters.acknowledged) == MEMBERS
    assert max(told.seconds for told in beaters.told) < 10
    stage.world.database.close()
    assert beaters.lost_in(stage.world) == []
    stage.assert_quiet()
