"""An acknowledged heartbeat is in the database, whatever breaks."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.asgi_client import until
from tests.support.beating import Beaters, on_the_clock
from tests.support.stage import Stage, paused, staged, wait_until

MEMBERS = 40
COMMITTED = 'presence_heartbeats_total{by="gate",why="committed"}'


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as stage:
        wait_until(lambda: stage.feeds == (2, 0))
        yield stage


def beaters(stage: Stage) -> list[Beaters]:
    """Those who beat one after the other, and those who do at once."""
    members = on_the_clock(stage.world, 2 * MEMBERS)
    url = stage.server.url
    return [Beaters(url, members[:MEMBERS], every_seconds=0.02), Beaters(url, members[MEMBERS:])]


def test_of_a_killed_worker_no_acknowledged_heartbeat_is_lost(stage: Stage) -> None:
    doomed, other = stage.workers
    first, then = both = beaters(stage)

    async def kill_one() -> None:
        await until(lambda: len(first.acknowledged) > MEMBERS / 4)
        os.kill(doomed, signal.SIGSTOP)  # as it is: only so some certainly wait when it dies
        rest = asyncio.ensure_future(then.run())
        await until(lambda: then.sent == MEMBERS)
        os.kill(doomed, signal.SIGKILL)
        await rest

    async def all_beat() -> None:
        with paused(other):
            await first.connect()
            await then.connect()
        await asyncio.gather(first.run(), kill_one())

    asyncio.run(all_beat())
    assert first.statuses <= {204, None}
    assert then.statuses == {204, None}
    for beating in both:
        assert len(beating.acknowledged) == MEMBERS
        assert beating.lost_in(stage.world) == []
    wait_until(lambda: len(stage.workers) == 2 and stage.feeds == (2, 0))
    assert stage.metric(COMMITTED) > MEMBERS / 2  # a killed worker's are not told


def test_a_server_that_stops_answers_every_heartbeat(stage: Stage) -> None:
    beating, _ = beaters(stage)

    async def end_all() -> None:
        await beating.connect()
        all_beat = asyncio.ensure_future(beating.run())
        await until(lambda: beating.sent == MEMBERS)
        stage.server.process.terminate()
        await all_beat

    asyncio.run(end_all())
    assert beating.statuses == {204}
    assert len(beating.told) == MEMBERS
    assert beating.lost_in(stage.world) == []
    stage.server.process.wait(60)
    assert "Traceback" not in stage.server.output


def test_while_the_database_is_away_no_heartbeat_is_acknowledged(stage: Stage) -> None:
    first, then = both = beaters(stage)

    async def restart() -> None:
        await until(lambda: len(first.acknowledged) > MEMBERS / 4)
        await asyncio.to_thread(stage.postgres.stop)
        away = len(first.told)
        rest = asyncio.ensure_future(then.run())
        await until(lambda: len(then.told) > MEMBERS)
        assert {told.status for told in first.told[away:]} <= {503}
        assert then.statuses == {503}
        await asyncio.to_thread(stage.postgres.start)
        await rest

    async def all_beat() -> None:
        await first.connect()
        await then.connect()
        await asyncio.gather(first.run(), restart())

    asyncio.run(all_beat())
    stage.world.database.close()
    for beating in both:
        assert beating.statuses <= {204, 503}
        assert len(beating.acknowledged) == MEMBERS
        assert max(told.seconds for told in beating.told) < 10
        assert beating.lost_in(stage.world) == []
    stage.assert_quiet()
