"""Answers in pieces: made as they are taken, closed at every end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from live import wsgi
from live.asgi import Message, Send
from live.request_cycle import ClientGone
from live.streaming import MOST, OF_ONE, Streaming, TooMany
from live.wsgi import Rest
from tests.support.asgi_client import until

PIECES = [b"one", b"two", b"three"]


class Made:
    """The pieces, and what became of them."""

    def __init__(self, fails: bool = False) -> None:
        self.number = 0
        self.closings = 0
        self._fails = fails

    def __iter__(self) -> Iterator[bytes]:
        for piece in PIECES:
            self.number += 1
            yield piece
        if self._fails:
            raise LookupError

    def close(self) -> None:
        self.closings += 1


def run(
    made: Made, method: str = "GET", protocol: str = "HTTP/1.1", **headers: str
) -> wsgi.Answered:
    def app(_environ: dict[str, Any], start_response: Callable[..., object]) -> Made:
        start_response("200 OK", [(name.replace("_", "-"), it) for name, it in headers.items()])
        return made

    return wsgi.run(app, {"REQUEST_METHOD": method, "SERVER_PROTOCOL": protocol})


def start(
    made: Made, send: Send, whose: str = "acme", streaming: Streaming | None = None
) -> Awaitable[None]:
    status, headers, first, rest = run(made)
    assert rest is not None
    return (streaming or Streaming()).send(whose, status, headers, first, rest, send)


def test_an_answer_without_a_length_is_left_with_its_first_piece() -> None:
    made = Made()
    answered = run(made)
    assert (answered.status, answered.headers, answered.body) == (200, [], b"one")
    assert (made.number, made.closings) == (1, 0)
    assert isinstance(answered.rest, Rest)
    assert [answered.rest.next() for _ in range(4)] == [b"two", b"three", None, None]


@pytest.mark.parametrize("options", [{"Content_Length": "11"}, {"protocol": "HTTP/1.0"}])
def test_with_a_length_and_in_http_1_0_it_is_whole(options: dict[str, str]) -> None:
    made = Made()
    answered = run(made, **options)
    assert (answered.body, answered.rest) == (b"onetwothree", None)
    assert answered.headers == [(b"content-length", b"11")]
    assert (made.number, made.closings) == (3, 1)


def test_each_piece_is_made_when_the_one_before_has_been_taken() -> None:
    async def tell() -> None:
        made, sent = Made(), list[Message]()
        taken = asyncio.Event()

        async def send(message: Message) -> None:
            sent.append(message)
            if message["type"] == "http.response.body":
                await taken.wait()

        sending = asyncio.ensure_future(start(made, send))
        await asyncio.sleep(0.05)
        assert (made.number, len(sent)) == (1, 2)
        taken.set()
        await sending
        assert made.closings == 1
        assert [message.get("body") for message in sent] == [None, *PIECES, b""]
        assert [message.get("more_body") for message in sent] == [None, True, True, True, False]

    asyncio.run(tell())


def test_it_is_closed_when_its_client_goes_and_the_rest_is_not_made() -> None:
    async def tell() -> None:
        made = Made()

        async def send(message: Message) -> None:
            if message.get("body") == b"two":
                raise ClientGone

        await start(made, send)
        assert (made.number, made.closings) == (2, 1)

    asyncio.run(tell())


def test_a_piece_that_fails_leaves_the_answer_without_an_end() -> None:
    async def tell() -> None:
        made, sent = Made(fails=True), list[Message]()

        async def send(message: Message) -> None:
            sent.append(message)

        with pytest.raises(LookupError):
            await start(made, send)
        assert sent[-1] == {"type": "http.response.body", "body": b"three", "more_body": True}
        assert made.closings == 1

    asyncio.run(tell())


def test_few_of_an_org_are_open_at_once_and_not_many_of_all() -> None:
    async def tell() -> None:
        streaming, taken, begun = Streaming(), asyncio.Event(), list[str]()

        def opened(whose: str) -> "asyncio.Future[None]":
            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    begun.append(whose)
                await taken.wait()

            return asyncio.ensure_future(start(Made(), send, whose, streaming))

        async def is_refused(whose: str) -> bool:
            made, sent = Made(), list[Message]()

            async def send(message: Message) -> None:
                sent.append(message)

            with pytest.raises(TooMany):
                await start(made, send, whose, streaming)
            return sent == [] and made.closings == 1

        reading = [opened("acme") for _ in range(OF_ONE)]
        await until(lambda: len(begun) == OF_ONE)
        assert await is_refused("acme")
        reading += [opened(f"other {number}") for number in range(MOST - OF_ONE)]
        await until(lambda: len(begun) == MOST)
        assert await is_refused("one more")
        taken.set()
        await asyncio.gather(*reading)
        assert not streaming._open
        await opened("acme")

    asyncio.run(tell())
