"""Reloads and ends of the running server: its clients lose nothing."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tests.support.connection import CUT_OFF, Connection
from tests.support.pollers import Crowd, Poller
from tests.support.stage import Stage, edit, is_alive, staged, wait_until
from wire.tags import BODY_RELEASE

POLLERS = 500
POLL_SECONDS = 1.5
NEW_CONNECTIONS = 200  # a second
LISTENING = (2, 0)


class Strangers:
    """Those who come once, each over a new connection.

    :ivar answered: the statuses that they got
    :ivar refused: what they got instead
    """

    def __init__(self, url: str) -> None:
        self.answered: list[int] = []
        self.refused: list[str] = []
        self._url = url

    async def run(self) -> None:
        begun, come = monotonic(), 0
        async with asyncio.TaskGroup() as visits:
            while True:
                for _ in range(int((monotonic() - begun) * NEW_CONNECTIONS) - come):
                    visits.create_task(self._visit())
                    come += 1
                await asyncio.sleep(0.02)

    async def _visit(self) -> None:
        connection = Connection(self._url)
        try:
            answer = await connection.ask("GET", "/v1/presence")
            self.answered.append(answer.status)
        except CUT_OFF as error:
            self.refused.append(repr(error))
        finally:
            connection.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as stage:
        wait_until(lambda: stage.feeds == LISTENING)
        yield stage


def crowd_of(stage: Stage, size: int, every_seconds: float) -> Crowd:
    token = stage.world.token(stage.world.va())
    pollers = [Poller(stage.server.url, token, "va", every_seconds) for _ in range(size)]
    return Crowd(pollers)


def reload(stage: Stage) -> None:
    """HUP, and wait until new workers are there and the old ones have ended."""
    before = stage.workers
    stage.server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(set(stage.workers) - set(before)) == 2)
    wait_until(lambda: not any(map(is_alive, before)))


def releases(crowd: Crowd) -> list[str]:
    """By which release of the body each client was answered last."""
    return [
        poller.polls[-1].answer.headers["etag"][3:4] for poller in crowd.pollers if poller.polls
    ]


@pytest.mark.usefixtures("many_connections")
def test_three_reloads_under_load_cut_nobody_off_and_take_new_code(stage: Stage) -> None:
    strangers = Strangers(stage.server.url)
    with crowd_of(stage, POLLERS, POLL_SECONDS) as crowd:
        crowd.start(strangers.run())
        time.sleep(3)
        wait_until(lambda: all(poller.polls for poller in crowd.pollers))
        for release in range(BODY_RELEASE, BODY_RELEASE + 3):
            tags = stage.project / "wire" / "tags.py"
            edit(tags, f"BODY_RELEASE = {release} ", f"BODY_RELEASE = {release + 1} ")
            reload(stage)
            # The clients' next polls go to the new workers.
            wait_until(lambda new=release + 1: releases(crowd) == [str(new)] * POLLERS)
    assert crowd.lost == []
    crowd.assert_nothing_was_cut()
    crowd.assert_nothing_went_back()
    assert crowd.statuses == {200, 304}
    assert strangers.refused == []
    assert set(strangers.answered) == {401}
    stage.assert_quiet()


@pytest.mark.parametrize("how", ["SIGTERM", "Ctrl-C"])
def test_the_end_is_clean_with_clients_connected(stage: Stage, how: str) -> None:
    world, url = stage.world, stage.server.url
    token = world.token(world.admin())
    waiters = [Poller(url, token, "admin") for _ in range(50)]
    silent = Poller(url, token, "admin")
    crowd = crowd_of(stage, 50, 0.5)
    crowd.idle = [*waiters, silent]
    with crowd:
        for waiter in crowd.idle:
            crowd.do(waiter.poll())
        held = [crowd.start(waiter.poll(prefer="wait=30")) for waiter in waiters]
        wait_until(lambda: stage.metric("presence_waiters") == len(waiters))
        ended_at = monotonic()
        if how == "SIGTERM":
            stage.server.process.terminate()
            stage.server.process.wait(60)
        else:
            stage.server.press_ctrl_c()
        seconds = monotonic() - ended_at
        for future in held:
            future.result(20)  # what the server said before may not have been read yet
    assert stage.server.process.returncode == 0
    assert seconds < 15  # graceful_timeout of gunicorn.conf.py
    stage.assert_quiet()
    for waiter in waiters:
        assert waiter.lost == []
        assert waiter.polls[-1].status == 304
        assert waiter.polls[-1].answer.headers["preference-applied"] == "wait=30"
        assert waiter.polls[-1].answer.headers["connection"] == "close"
    crowd.assert_nothing_was_cut()
    # Then the address is closed: that is no request lost.
    for poller in crowd.pollers:
        assert all("Connect" in lost.why for lost in poller.lost)
