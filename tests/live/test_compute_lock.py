"""Of the threads that answer requests, one computes at a time; others wait for the database."""

import asyncio
import os
import sys
import threading
import time

import pytest
from sqlalchemy import update

from live.shares import ORGS, REPORTS, Owner
from live.turns import Job, Turns, Work
from models import Org, compute_lock
from models.database import Database
from tests.support.asgi_client import PATIENCE_SECONDS
from tests.support.databases import opened
from tests.support.world import World

ACME, OTHER = Owner(ORGS, "acme"), Owner(ORGS, "other")


@pytest.fixture
def exclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody computes without the lock."""
    monkeypatch.setattr(compute_lock, "PATIENCE_SECONDS", PATIENCE_SECONDS)


def run(*works: tuple[Owner, Work[str]]) -> list[str]:
    """Have it all done at once."""

    async def tell() -> list[str]:
        turns, receive = Turns(13), asyncio.Event().wait
        async with asyncio.timeout(PATIENCE_SECONDS / 2):
            return await asyncio.gather(
                *(turns.run(owner, 0, work, receive) for owner, work in works)  # type: ignore[arg-type]
            )

    return asyncio.run(tell())


def waits_for(event: threading.Event, *, sets: threading.Event | None = None) -> Work[str]:
    def work(_job: Job) -> str:
        if sets is not None:
            sets.set()
        return "done" if event.wait(PATIENCE_SECONDS) else "waited in vain"

    return work


def sets(event: threading.Event) -> Work[str]:
    def work(_job: Job) -> str:
        event.set()
        return "done"

    return work


@pytest.mark.usefixtures("exclusive")
def test_one_computes_at_a_time() -> None:
    computing, most = 0, 0

    def work(_job: Job) -> str:
        nonlocal computing, most
        computing += 1
        most = max(most, computing)
        time.sleep(0.01)  # lets the other threads go on, if they may
        computing -= 1
        return "done"

    assert run(*((Owner(ORGS, number), work) for number in range(5))) == ["done"] * 5
    assert most == 1


@pytest.mark.usefixtures("exclusive")
@pytest.mark.parametrize("process", ["this", "another"])
def test_others_compute_while_one_waits_for_the_database(world: World, process: str) -> None:
    is_locked, may_go_on = threading.Event(), threading.Event()

    def hold(database: Database) -> None:
        with database.write(world.id) as session:
            session.execute(update(Org).values(name=Org.name))
            is_locked.set()
            may_go_on.wait(PATIENCE_SECONDS)

    def write(_job: Job) -> str:
        with world.database.write(world.id) as session:
            session.execute(update(Org).values(name=Org.name))
        return "done"

    with opened(world.settings) as other:
        holding = threading.Thread(
            target=hold, args=(world.database if process == "this" else other,)
        )
        holding.start()
        try:
            assert is_locked.wait(PATIENCE_SECONDS)
            assert run((ACME, write), (OTHER, sets(may_go_on))) == ["done", "done"]
        finally:
            may_go_on.set()
            holding.join()


@pytest.mark.usefixtures("exclusive")
def test_nobody_waits_for_a_report() -> None:
    is_begun, event = threading.Event(), threading.Event()

    def work(job: Job) -> str:
        return waits_for(is_begun)(job) and sets(event)(job)

    report = (Owner(REPORTS, "acme"), waits_for(event, sets=is_begun))
    assert run(report, (ACME, work)) == ["done", "done"]


def test_one_that_waits_for_something_else_holds_nobody_up() -> None:
    event = threading.Event()
    assert run((ACME, waits_for(event)), (OTHER, sets(event))) == ["done", "done"]


@pytest.mark.skipif(sys.platform != "linux", reason="a priority of each thread is Linux's")
def test_the_other_threads_of_the_process_go_first() -> None:
    def niceness(_job: Job) -> str:
        return str(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    own = os.getpriority(os.PRIO_PROCESS, 0)
    (of_flask,) = run((ACME, niceness))
    assert int(of_flask) == min(19, own + 10) > own
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
