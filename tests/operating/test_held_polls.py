"""``presence_waiters`` in /metrics: the polls held now, over all workers that are alive."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.line import Line, bearer
from tests.support.server import copy_project, running_server
from tests.support.stage import Stage, is_alive, staged, wait_until

HELD = 8  # so that both workers hold some


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as stage:
        yield stage


def poll(more: bytes) -> bytes:
    return b"GET /v1/presence HTTP/1.1\r\nHost: presence\r\n%s\r\n" % more


@contextmanager
def held(stage: Stage) -> Iterator[list[Line]]:
    who = bearer(stage, stage.world.va(f"Ana {os.urandom(4).hex()}"))
    with ExitStack() as lines:
        opened = [lines.enter_context(Line(stage)) for _ in range(HELD)]
        for line in opened:
            said = line.send(poll(who)).in_silence()
            (tag,) = (
                each.split()[1] for each in said.splitlines() if each.lower().startswith(b"etag:")
            )
            line.send(poll(who + b"If-None-Match: %s\r\nPrefer: wait=30\r\n" % tag))
        yield opened


def waiters(stage: Stage) -> float:
    return stage.metric("presence_waiters")


def test_it_is_right_from_the_start_and_over_reloads_and_crashes(stage: Stage) -> None:
    assert "presence_waiters 0.0" in stage.get("/metrics")[1]
    with held(stage):
        wait_until(lambda: waiters(stage) == HELD)
    wait_until(lambda: waiters(stage) == 0)

    with held(stage):
        wait_until(lambda: waiters(stage) == HELD)
        before = stage.workers
        stage.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not any(map(is_alive, before)) and len(stage.workers) == 2)
        assert waiters(stage) == 0

    with held(stage):
        wait_until(lambda: waiters(stage) == HELD)
        for pid in (crashed := stage.workers):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, crashed)) and len(stage.workers) == 2)
        wait_until(lambda: waiters(stage) == 0)


def test_what_was_held_when_the_machine_stopped_is_no_longer_counted(
    tmp_path: Path,
) -> None:
    """Nobody told the folder of the operator's that those workers had ended."""
    project, folder = copy_project(tmp_path / "presence"), tmp_path / "metrics"
    folder.mkdir()
    kept = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    ended = "import metrics; metrics.WAITERS.set(7); metrics.READS.observe(1)"
    subprocess.run([sys.executable, "-c", ended], cwd=project, env=kept, check=True)
    assert list(folder.glob("gauge_livesum_*.db"))
    with (
        running_server(project, PROMETHEUS_MULTIPROC_DIR=str(folder)) as server,
        urllib.request.urlopen(f"{server.url}/metrics", timeout=20) as answer,  # noqa: S310
    ):
        lines = answer.read().decode().splitlines()
    assert "presence_waiters 0.0" in lines
    assert "presence_snapshot_read_seconds_count 1.0" in lines
