"""Threads that requests take turns in: who waits, who goes, and what comes of each."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

import live.shares
import live.turns
from live.asgi import Message
from live.request_cycle import HALF_CLOSED
from live.shares import ORGS, STRANGERS, Full, Owner
from live.turns import Gone, Job, Turns, Waited
from tests.support.asgi_client import PATIENCE_SECONDS, until

ACME, OTHER = Owner(ORGS, "acme"), Owner(ORGS, "other")
STRANGER = Owner(STRANGERS, "192.0.2.1")


class Client:
    """Waits for its answer, until it goes."""

    def __init__(self) -> None:
        self.last: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    async def receive(self) -> Message:
        return await asyncio.shield(self.last)


def told(tell: Callable[[Turns], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await tell(Turns(13))

    asyncio.run(run())


@contextmanager
def held(turns: Turns) -> Iterator[list["asyncio.Future[str]"]]:
    """Both threads of Acme's do not come back before the end."""
    end = threading.Event()

    def work(_job: Job) -> str:
        end.wait(PATIENCE_SECONDS)
        return "held"

    try:
        yield [asyncio.ensure_future(turns.run(ACME, 0, work, Client().receive)) for _ in range(2)]
    finally:
        end.set()


def ask(turns: Turns, owner: Owner, client: Client | None = None) -> "asyncio.Future[str]":
    receive = (client or Client()).receive
    return asyncio.ensure_future(turns.run(owner, 0, lambda job: str(job.owner.who), receive))


def test_others_go_on_while_an_owner_waits() -> None:
    async def tell(turns: Turns) -> None:
        with held(turns) as first:
            waiting = [ask(turns, ACME) for _ in range(3)]
            await until(lambda: turns.counted()[ORGS] == (3, 2))
            assert await ask(turns, OTHER) == "other"
            assert not any(each.done() for each in waiting)
        assert await asyncio.gather(*first, *waiting) == ["held"] * 2 + ["acme"] * 3
        await until(lambda: turns.counted()[ORGS] == (0, 0))

    told(tell)


def test_who_goes_while_it_waits_gives_up_its_place_and_who_half_closes_does_not() -> None:
    async def tell(turns: Turns) -> None:
        clients = [Client() for _ in range(3)]
        with held(turns):
            gone, half_closed, cancelled = (ask(turns, ACME, client) for client in clients)
            await until(lambda: turns.counted()[ORGS] == (3, 2))
            clients[0].last.set_result({"type": "http.disconnect"})
            clients[1].last.set_result(HALF_CLOSED)
            cancelled.cancel()
            with pytest.raises(Gone):
                await gone
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert turns.counted()[ORGS] == (1, 2)
        assert await half_closed == "acme"

    told(tell)


def test_who_has_waited_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.shares, "PATIENCE_SECONDS", 0.05)

    async def tell(turns: Turns) -> None:
        with held(turns):
            waiting = [ask(turns, ACME) for _ in range(2)]
            for each in waiting:
                with pytest.raises(Waited):
                    await each
            assert turns.counted()[ORGS] == (0, 2)
            monkeypatch.setattr(live.shares, "PATIENCE_SECONDS", PATIENCE_SECONDS)
            waiting = [ask(turns, ACME) for _ in range(256)]
            await until(lambda: turns.counted()[ORGS][0] == 256)
            with pytest.raises(Full):
                await ask(turns, ACME)
            for each in waiting:
                each.cancel()

    told(tell)


def test_a_strangers_request_that_is_an_orgs_begins_anew_when_it_is_its_turn() -> None:
    async def tell(turns: Turns) -> None:
        begun: list[Owner] = []

        def work(job: Job) -> str:
            begun.append(job.owner)
            turns.move(job, ACME)
            return str(job.owner.who)

        def asked() -> "asyncio.Future[str]":
            return asyncio.ensure_future(turns.run(STRANGER, 0, work, Client().receive))

        assert await asked() == "acme"
        assert begun == [STRANGER]
        with held(turns):
            waiting = [asked() for _ in range(5)]
            # They keep no stranger from a thread.
            await until(lambda: turns.counted()[ORGS] == (5, 2))
            assert turns.counted()[STRANGERS] == (0, 0)
            assert await ask(turns, STRANGER) == STRANGER.who
        assert await asyncio.gather(*waiting) == ["acme"] * 5
        assert begun == [STRANGER] * 6 + [ACME] * 5

    told(tell)


def test_an_error_of_the_work_is_raised_and_takes_no_thread_along() -> None:
    def fail(_job: Job) -> str:
        raise LookupError("what it said")

    async def tell(turns: Turns) -> None:
        for _ in range(30):
            with pytest.raises(LookupError, match="what it said"):
                await turns.run(ACME, 0, fail, Client().receive)
        assert await ask(turns, ACME) == "acme"

    told(tell)


def test_many_at_once_are_all_answered() -> None:
    async def tell(turns: Turns) -> None:
        owners = [ACME, OTHER, STRANGER, *(Owner(ORGS, number) for number in range(20))]
        asked = [(owner, ask(turns, owner)) for _ in range(20) for owner in owners]
        for owner, answer in asked:
            assert await answer == str(owner.who)

    told(tell)
