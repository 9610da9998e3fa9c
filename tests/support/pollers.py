"""Clients of a running server, on raw sockets and in a thread of their own: those who poll, and
those who clock in and out. They remember what they were answered, for a test to check."""

import asyncio
import random
import threading
from bisect import bisect_left
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self
from uuid import uuid4

from live.lane import LaneProtocol
from tests.support.connection import CUT_OFF, Answer, Connection


@dataclass
class Poll:
    """``version`` is what the client knew after it. Times are ``time.monotonic()``'s."""

    sent_at: float
    answered_at: float
    answer: Answer
    version: int

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def seconds(self) -> float:
        return self.answered_at - self.sent_at


@dataclass
class Lost:
    """A request without an answer."""

    sent_at: float
    lost_at: float
    why: str


class Poller:
    """A member's client: it polls with its tag, over one connection."""

    def __init__(self, url: str, token: str, view: str, every_seconds: float = 0.5) -> None:
        self.view = view
        self.connection = Connection(url)
        self.polls: list[Poll] = []
        self.lost: list[Lost] = []
        self._headers = {"Authorization": f"Bearer {token}"}
        self._every_seconds = every_seconds
        self._tag: str | None = None
        self._version = 0

    async def run(self) -> None:
        await asyncio.sleep(random.uniform(0, self._every_seconds))
        while True:
            begun = monotonic()
            await self.poll()
            await asyncio.sleep(begun + self._every_seconds - monotonic())

    async def poll(self, **headers: str) -> None:
        sent_at = monotonic()
        try:
            answer = await self.connection.ask(
                "GET", "/v1/presence", **self._headers, if_none_match=self._tag, **headers
            )
        except CUT_OFF as error:
            self.lost.append(Lost(sent_at, monotonic(), repr(error)))
            return
        if answer.status == 200:
            self._tag = answer.headers["etag"]
            self._version = answer.json["version"]
        self.polls.append(Poll(sent_at, monotonic(), answer, self._version))


class Clock:
    """A member who clocks in and out all day, each time over a new connection.

    :ivar made: when an answer said that the view had which version
    :ivar unavailable: the answers 503; such a request is repeated
    :ivar seconds: how long each answer took
    """

    def __init__(
        self, url: str, token: str, view: str, account_id: str, every_seconds: float = 0.6
    ) -> None:
        self.view = view
        self.made: list[tuple[float, int]] = []
        self.unavailable: list[Answer] = []
        self.lost: list[Lost] = []
        self.seconds: list[float] = []
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._account_id = account_id
        self._every_seconds = every_seconds

    async def run(self) -> None:
        while True:
            await self._do("clock-in", {"account_id": self._account_id})
            await self._do("clock-out", {})

    async def _do(self, what: str, body: dict[str, str]) -> None:
        key = str(uuid4())
        while (answer := await self._ask(what, body, key)) is None or answer.status == 503:
            if answer is not None:
                self.unavailable.append(answer)
            await asyncio.sleep(self._every_seconds)
        assert answer.status in (200, 201), answer
        self.made.append((monotonic(), int(answer.headers["presence-version"])))
        await asyncio.sleep(self._every_seconds)

    async def _ask(self, what: str, body: dict[str, str], key: str) -> Answer | None:
        connection, sent_at = Connection(self._url), monotonic()
        try:
            answer = await connection.ask(
                "POST", f"/v1/{what}", body, **self._headers, idempotency_key=key
            )
            self.seconds.append(monotonic() - sent_at)
            return answer
        except CUT_OFF as error:
            self.lost.append(Lost(sent_at, monotonic(), repr(error)))
            return None
        finally:
            connection.close()

    def version_at(self, moment: float) -> int:
        """What the view's version was at least, at that moment."""
        index = bisect_left(self.made, moment, key=lambda made: made[0])
        return self.made[index - 1][1] if index else 0


@dataclass
class Crowd:
    """Clients that run in a thread until the end of a ``with``.

    :ivar idle: pollers that poll only when they are told to
    """

    pollers: list[Poller] = field(default_factory=list)
    clocks: list[Clock] = field(default_factory=list)
    idle: list[Poller] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crowd")
        self._thread.start()
        self._running: list[Future[Any]] = []
        self._run()
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self.do(self._end())
            for future in self._running:
                if not future.cancelled():
                    future.result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def join(self, others: "Crowd") -> None:
        """Let others run, too; theirs is counted by itself."""
        self.pollers, self.clocks = others.pollers, others.clocks
        self._run()

    def _run(self) -> None:
        for client in self._clients():
            self.start(client.run())

    def _clients(self) -> list[Poller | Clock]:
        return [*self.pollers, *self.clocks]

    def start(self, running: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Run something beside the clients; how it fails is raised at the end."""
        self._running.append(asyncio.run_coroutine_threadsafe(running, self._loop))
        return self._running[-1]

    def do(self, what: Coroutine[Any, Any, Any], seconds: float = 60) -> Any:
        """Run something to its end."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(seconds)

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        for task in others:
            with suppress(BaseException):
                await task
        for poller in (*self.pollers, *self.idle):
            poller.connection.close()
        await asyncio.sleep(0.05)  # until the connections have ended

    @property
    def polls(self) -> list[Poll]:
        return [poll for poller in self.pollers for poll in poller.polls]

    @property
    def lost(self) -> list[Lost]:
        return [lost for client in self._clients() for lost in client.lost]

    @property
    def statuses(self) -> set[int]:
        return {poll.status for poll in self.polls}

    def assert_nothing_went_back(self) -> None:
        for poller in self.pollers:
            versions = [poll.answer.json["version"] for poll in poller.polls if poll.status == 200]
            assert versions == sorted(versions)

    def assert_nothing_was_late(self, seconds: float = 3) -> None:
        """No answer showed less than what had been committed so many seconds before.

        The seconds are contract.md's, "Credentials".
        """
        assert all(clock.made for clock in self.clocks)
        for poller in self.pollers:
            clocks = [clock for clock in self.clocks if clock.view == poller.view]
            for poll in shown(poller.polls):
                moment = poll.sent_at - seconds
                due = max(clock.version_at(moment) for clock in clocks)
                assert poll.version >= due, (poll, moment)

    def assert_nothing_was_cut(self) -> None:
        """But a server that stops may end a connection which a busy machine left idle for long."""
        cuts = [seconds for poller in self.pollers for seconds in poller.connection.cut]
        assert [seconds for seconds in cuts if seconds < LaneProtocol.drain_seconds] == []


def shown(polls: Sequence[Poll]) -> list[Poll]:
    """The polls that were answered with a view."""
    return [poll for poll in polls if poll.status in (200, 304)]
