"""Long headers cost little: what is too long to be read is as if it were not there.

Each is sent to the gate and to Flask, which must answer alike.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter

import pytest
from flask import Flask

from live.application import Application
from live.long_poll import seconds_to_wait
from live.poll import poll_headers
from tests.support.app_client import AppClient
from tests.support.asgi_client import Answered, ask, started
from tests.support.world import World
from wire import negotiation, tags

LIST_BYTES, LIST_ITEMS = 1024, 20  # the most that is read of a list, contract.md
HEAD_BYTES = 16 * 1024
QUICK_SECONDS = 0.002  # for all that a head can hold; less than a tenth of it on an idle machine
SUFFIXES = ("-gzip", "--gzip", "-br", "-zstd", "-deflate", ";gzip")

CSV, JSON = "text/csv; charset=utf-8", "application/json"


def padded(value: str, length: int, filler: str = "x") -> str:
    """``value`` and, after a comma, so much of one other item that it has ``length`` characters."""
    return f"{value}," + filler * (length - len(value) - 1)


def items(value: str, count: int, other: str) -> str:
    """``value`` as the last of ``count`` items."""
    return ",".join([other] * (count - 1) + [value])


def accepted(value: str) -> dict[str, str]:
    """``Accept`` values, and what is answered."""
    return {
        padded(value, LIST_BYTES): CSV,
        padded(value, LIST_BYTES + 1): JSON,
        padded(value, HEAD_BYTES - 2000): JSON,
        items(value, LIST_ITEMS, "a/b"): CSV,
        items(value, LIST_ITEMS + 1, "a/b"): JSON,
        items(value, 200, "a/b"): JSON,
        f'{value},a/b;c="{"," * 100}"': CSV,
    }


def conditions(tag: str) -> dict[str, int]:
    """``If-None-Match`` values, and the status of the answer."""
    return {
        f'{tag},"{"x" * (LIST_BYTES - len(tag) - 3)}"': 304,
        f'{tag},"{"x" * (LIST_BYTES - len(tag) - 2)}"': 200,
        f'{tag},"{"x" * (HEAD_BYTES - 2000)}"': 200,
        items(tag, LIST_ITEMS, '"a"'): 304,
        items(tag, LIST_ITEMS + 1, '"a"'): 200,
        items(tag, LIST_ITEMS + 1, "a"): 200,
        items(tag, LIST_ITEMS + 1, ""): 200,
        f'"{"," * 100}",{tag}': 304,
    }


async def answered_alike(application: Application, headers: dict[str, str]) -> Answered:
    """The gate's answer, which must be Flask's."""
    by_gate = await ask(application, headers)
    by_flask = await ask(application.gate._flask, headers)
    assert (by_gate.status, by_gate.body) == (by_flask.status, by_flask.body)
    assert by_gate.tag == by_flask.tag
    assert by_gate.header("content-type") == by_flask.header("content-type")
    return by_gate


def test_a_long_accept_takes_the_default(world: World, app: Flask) -> None:
    bearer = world.bearer(world.va())

    async def tell() -> None:
        async with started(app) as application:
            for value, media_type in accepted("text/csv").items():
                answered = await answered_alike(application, bearer | {"accept": value})
                assert answered.header("content-type") == media_type, value[:80]

    asyncio.run(tell())


def test_a_long_if_none_match_takes_the_default(world: World, app: Flask) -> None:
    bearer = world.bearer(world.va())

    async def tell() -> None:
        async with started(app) as application:
            tag = (await ask(application, bearer)).tag
            for value, status in conditions(tag).items():
                answered = await answered_alike(application, bearer | {"if-none-match": value})
                assert answered.status == status, value[:80]

    asyncio.run(tell())


def test_a_long_list_is_as_long_over_two_lines(world: World, app: Flask) -> None:
    bearer = [(name.encode(), value.encode()) for name, value in world.bearer(world.va()).items()]

    async def tell() -> None:
        async with started(app) as application:
            long = b"x" * (LIST_BYTES + 1)
            for first, second in ((long, b"text/csv"), (b"text/csv", long)):
                headers = [*bearer, (b"accept", first), (b"accept", second)]
                for way_in in (application, application.gate._flask):
                    answered = await ask(way_in, headers)
                    assert answered.header("content-type") == JSON

    asyncio.run(tell())


def test_the_accounts_and_the_lists_of_admins_answer_alike(world: World, client: AppClient) -> None:
    maya = world.admin()
    for path in ("admin/members", "admin/clock-events"):
        for value, media_type in accepted("text/csv").items():
            answer = world.get(client, maya, path, accept=value)
            assert answer.headers["Content-Type"] == media_type, value[:80]
    tag = world.get(client, maya, "accounts").headers["ETag"]
    for value, status in conditions(tag).items():
        assert world.get(client, maya, "accounts", if_none_match=value).status_code == status


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_a_proxy_adds_to_a_tag_is_forgiven(world: World, app: Flask, suffix: str) -> None:
    bearer = world.bearer(world.va())

    async def tell() -> None:
        async with started(app) as application:
            opaque = (await ask(application, bearer)).tag.removeprefix("W/").strip('"')
            for changed in (f'W/"{opaque}{suffix}"', f'"{opaque}{suffix}"', f'"a", "{opaque}-br"'):
                assert (
                    await answered_alike(application, bearer | {"if-none-match": changed})
                ).status == 304

    asyncio.run(tell())


FILLERS = ("a/b,", "a/b;q=0.1,", 'a/b;c="d",', '"a",', '"",', ",", '"', "wait=1,", ", wait=1x", "1")


@pytest.mark.parametrize("filler", FILLERS)
def test_a_long_header_takes_the_loop_no_time(filler: str) -> None:
    long = (filler * HEAD_BYTES)[:HEAD_BYTES]
    tag = 'W/"1.va.json.0.1.120"'

    def compare() -> None:
        negotiation._accepted.cache_clear()
        asked = poll_headers([(name, long.encode()) for name in READ])
        assert asked is not None
        negotiation.accepted(long)
        tags.matches(long, tag)
        tags.version_known_by(long, tag)
        seconds_to_wait(asked[b"prefer"])

    assert min(timed(compare) for _ in range(5)) < QUICK_SECONDS


READ = (b"accept", b"if-none-match", b"origin", b"prefer", b"presence-min-version")


def timed(act: Callable[[], None]) -> float:
    begun = perf_counter()
    act()
    return perf_counter() - begun


def test_a_poll_keeps_no_long_header() -> None:
    """A cached poll is kept with its bearer, and with its connection."""
    asked = poll_headers([(name, b"x" * HEAD_BYTES) for name in READ])
    assert asked is not None
    assert sum(len(value) for value in asked.values()) < 5 * LIST_BYTES
