"""Services poll as members do, and when each was last used is noted without a statement."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import uvloop
from flask import Flask

import service_uses
from context import Context
from live.application import Application
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.asgi_client import (
    WITHIN_SECONDS,
    ask,
    counting,
    until,
    until_answered,
    without_date,
)
from tests.support.lane_streams import Side, Truth, clock_of_our_own, settle, with_lane
from tests.support.lane_tokens import BEARERS, Clock
from tests.support.live_apps import failing, run
from tests.support.services import last_used_at, remove, service
from tests.support.world import World

BOT = BEARERS["bot"][0]


def test_a_deleted_services_polls_end_within_a_second(world: World, app: Flask) -> None:
    made = service(world, "presence:read")

    async def tell(application: Application) -> None:
        bearer = made.bearer | {"request-id": "poll-1"}
        asked = bearer | {"if-none-match": (await ask(application, bearer)).tag}
        assert (await ask(application, asked)).status == 304
        await asyncio.to_thread(remove, world, made)
        seen = await until_answered(
            lambda answered: answered.status != 304,
            lambda: ask(application, asked),
            WITHIN_SECONDS,
        )
        assert (seen.status, seen.json["reason"]) == (401, "revoked")
        assert without_date(seen) == without_date(await ask(application.gate._flask, asked))

    run(app, tell)


def test_a_new_services_first_poll_is_answered_by_a_memory_that_is_older(
    world: World, app: Flask
) -> None:
    ana = world.bearer(world.va())

    async def tell(application: Application) -> None:
        await ask(application, ana)
        made = await asyncio.to_thread(service, world, "presence:read")
        assert (await ask(application, made.bearer)).json["view"] == "admin"

    run(app, tell)


def poll(bearer: str, tag: str) -> bytes:
    lines = ("GET /v1/presence HTTP/1.1", "Host: x", f"Authorization: Bearer {bearer}")
    return "\r\n".join([*lines, f"If-None-Match: {tag}", "", ""]).encode()


def test_the_lane_notes_each_minute_in_which_a_service_polls() -> None:
    lane = with_lane()
    loop = uvloop.new_event_loop()

    async def tell() -> None:
        truth = Truth()
        side = Side(lane, truth, loop)
        for at, by_lane in ((1.0, 0), (2.0, 1), (59.0, 2), (60.0, 2), (61.0, 3), (300.0, 3)):
            Clock.now = at
            side.transport.receive(poll("bot", truth.tag("bot")))
            await settle(side)
            assert lane.counters.by_lane == by_lane, at
        assert side.uses.minutes == {(BOT, 0), (BOT, 1), (BOT, 5)}
        # A minute's first poll on the lane is revalidated there: it is not parsed again.
        assert side.transport.written.count(b"HTTP/1.1 304") == 6
        side.transport.close()
        await settle(side)

    try:
        with clock_of_our_own():
            loop.run_until_complete(tell())
    finally:
        loop.close()


def used(world: World, *made: Any) -> list[bool]:
    """Whether each was used within the last two minutes, as the database has it."""
    minute = utc_now().replace(second=0, microsecond=0)
    found = [last_used_at(world, each) for each in made]
    for each in found:
        assert each is None or (each.second, each.microsecond) == (0, 0)
    return [each is not None and minute - each <= timedelta(minutes=1) for each in found]


@pytest.mark.parametrize("way", ["gate", "flask"])
def test_uses_are_written_together_at_most_once_a_minute(
    world: World, app: Flask, client: AppClient, way: str
) -> None:
    """The first at once, in the background; the next ones wait their minute, or the end."""
    first, second, third = (service(world, "presence:read") for _ in range(3))
    context: Context = app.extensions["presence"]
    versions = world.versions()

    async def through_the_gate(application: Application) -> None:
        await ask(application, first.bearer)
        await until(lambda: used(world, first)[0])
        with counting(context.database) as statements:
            await ask(application, second.bearer)
            await ask(application, third.bearer)
            await ask(application, third.bearer)
            assert used(world, second, third) == [False, False]
            await asyncio.to_thread(context.service_uses.write)
        updates = [each for each in statements if "UPDATE" in each]
        assert len(updates) == 1, updates
        assert not [each for each in statements if "FOR NO KEY" in each]

    async def by_flask() -> None:
        assert client.get("/v1/accounts", headers=first.bearer).status_code == 200
        await until(lambda: used(world, first)[0])
        for each in (second, third, third):
            client.get("/v1/accounts", headers=each.bearer)
        assert used(world, second, third) == [False, False]
        context.service_uses.close()

    if way == "gate":
        run(app, through_the_gate)
    else:
        asyncio.run(by_flask())
    assert used(world, second, third) == [True, True]
    assert world.versions() == versions


def test_the_next_write_comes_by_itself(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_uses, "WRITE_EVERY_SECONDS", 0.3)
    first, second = service(world), service(world)
    client.get("/v1/accounts", headers=first.bearer)
    asyncio.run(until(lambda: used(world, first)[0]))
    client.get("/v1/accounts", headers=second.bearer)
    asyncio.run(until(lambda: used(world, second)[0]))


def test_what_could_not_be_written_is_written_later(
    world: World, app: Flask, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, uses = service(world), app.extensions["presence"].service_uses
    other = World(world.database, world.settings, "Other")
    theirs = service(other)
    monkeypatch.setattr("service_uses.services.record_use", failing)
    uses.write()  # so that the next write is not due for a minute
    for each in (made, theirs):
        client.get("/v1/accounts", headers=each.bearer)
    uses.write()
    assert [used(world, made), used(other, theirs)] == [[False], [False]]
    monkeypatch.undo()
    uses.write()
    assert [used(world, made), used(other, theirs)] == [[True], [True]]


def test_a_use_never_goes_back_in_time(world: World, app: Flask) -> None:
    """Two processes may write in any order."""
    made, uses = service(world), app.extensions["presence"].service_uses
    now = utc_now()
    for minutes in (0, -5, -1):
        uses.note(world.id, made.id, now + timedelta(minutes=minutes))
        uses.write()
    assert last_used_at(world, made) == now.replace(second=0, microsecond=0)


def test_a_service_that_was_deleted_meanwhile_is_no_fault(
    world: World, app: Flask, client: AppClient, caplog: pytest.LogCaptureFixture
) -> None:
    uses = app.extensions["presence"].service_uses
    uses.write()
    gone, kept = service(world), service(world)
    for each in (gone, kept):
        client.get("/v1/accounts", headers=each.bearer)
    remove(world, gone)
    uses.write()
    assert used(world, kept) == [True]
    assert caplog.text == ""


def test_a_person_is_not_noted(world: World, app: Flask, client: AppClient) -> None:
    database = app.extensions["presence"].database
    bearer = world.bearer(world.admin())
    with counting(database) as statements:
        client.get("/v1/accounts", headers=bearer)
        app.extensions["presence"].service_uses.write()
    assert not [each for each in statements if "UPDATE" in each]
