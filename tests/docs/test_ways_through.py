"""The ways through the code in docs/design.md are those that requests take."""

import asyncio
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
import uvloop
from flask import Flask

from live.counters import Counters
from live.lane import LaneProtocol
from tests.support.app_client import AppClient
from tests.support.asgi_client import ask, started
from tests.support.lane_streams import Side, Truth, clock_of_our_own, settle
from tests.support.lane_tokens import Clock
from tests.support.world import World

ROOT = Path(__file__).resolve().parent.parent.parent
MOST_THAT_DECIDE = 4
# Called on the way of every unchanged poll, and decides nothing.
KEEPS_TIME = ["live/write_timeout.py", "live/wheel.py"]


def way(name: str) -> list[str]:
    """The files on the way of this name, in their order."""
    (row,) = re.findall(rf"^\| {name} \| ([^;|]+)", (ROOT / "docs/design.md").read_text(), re.M)
    return re.findall(r"`([\w/]+\.py)`", row)


@contextmanager
def recorded() -> Iterator[list[str]]:
    """The product's files whose functions are called meanwhile, by their first call."""
    files: list[str] = []

    def called(frame: FrameType, event: str, _argument: object) -> None:
        file = Path(frame.f_code.co_filename)
        if event == "call" and file.is_relative_to(ROOT) and "tests" not in file.parts:
            name = file.relative_to(ROOT).as_posix()
            if name not in files and not name.startswith("."):
                files.append(name)

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        yield files
    finally:
        sys.setprofile(before)


def on_the_way(name: str, files: list[str]) -> list[str]:
    """Those of ``files`` that the way names."""
    named = way(name)
    assert 1 < len(named) <= MOST_THAT_DECIDE
    return [file for file in files if file in named]


@pytest.fixture(autouse=True)
def unswept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.sweeper.start", lambda _context: threading.Event())


def test_a_first_poll(world: World, app: Flask) -> None:
    bearer = world.bearer(world.va())

    async def tell() -> list[str]:
        async with started(app) as application:
            with recorded() as files:
                assert (await ask(application, bearer)).status == 200
            return files

    files = asyncio.run(tell())
    assert on_the_way("a first poll", files) == way("a first poll")


def test_an_unchanged_poll_meets_nobody_else() -> None:
    loop = uvloop.new_event_loop()

    class Protocol(LaneProtocol):
        counters = Counters()

    async def tell() -> list[str]:
        truth = Truth()
        side = Side(Protocol, truth, loop)
        tag = truth.tag("ana")
        poll = (
            "GET /v1/presence HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ana\r\n"
            f"If-None-Match: {tag}\r\n\r\n"
        ).encode()
        side.transport.receive(poll)
        await settle(side)
        with recorded() as files:
            side.transport.receive(poll)
        side.transport.close()
        await settle(side)
        return files

    with clock_of_our_own():
        Clock.now = 1.0
        files = loop.run_until_complete(tell())
    loop.close()
    assert Protocol.counters.by_lane == 1
    assert [file for file in files if file not in KEEPS_TIME] == way("an unchanged poll")


def test_a_clock_in(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)
    with recorded() as files:
        answer = client.post("/v1/clock-in", headers=bearer, json={"account_id": str(acme.id)})
    assert answer.status_code == 201
    assert on_the_way("a clock-in", files) == way("a clock-in")


def test_a_force_clear(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    world.clock_in(ana, acme)
    bearer = world.bearer(world.admin())
    with recorded() as files:
        answer = client.delete(f"/v1/admin/presence/{acme.id}", headers=bearer)
    assert answer.status_code == 204
    assert on_the_way("a force-clear", files) == way("a force-clear")
