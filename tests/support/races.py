"""Threads that do things at once, on two servers' worth of connections."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import Flask

from models import Account, Membership
from services import callers, clocking
from tests.support.app_client import AppAnswer, AppClient
from tests.support.world import World

ROUNDS = 100
BOUND_SECONDS = 60  # nothing here takes so long, unless it hangs
Job = Callable[[], Any]


class Threads:
    """Threads that start together; their ends are awaited and their errors raised."""

    def __init__(self, *jobs: Job) -> None:
        self.results: list[Any] = [None] * len(jobs)
        self._errors: list[Exception] = []
        self._start = threading.Barrier(len(jobs))
        self._threads = [
            threading.Thread(target=self._run, args=(index, job), daemon=True)
            for index, job in enumerate(jobs)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> list[Any]:
        give_up = time.monotonic() + BOUND_SECONDS
        for thread in self._threads:
            thread.join(max(0, give_up - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), "a thread hangs"
        if self._errors:
            raise ExceptionGroup("in the threads", self._errors)
        return self.results

    def _run(self, index: int, job: Job) -> None:
        try:
            self._start.wait(BOUND_SECONDS)
            self.results[index] = job()
        except Exception as error:
            self._errors.append(error)


def at_once(*jobs: Job) -> list[Any]:
    """The results of ``jobs``, each in a thread."""
    return Threads(*jobs).join()


@contextmanager
def meanwhile(*jobs: Job) -> Iterator[None]:
    """Do each of ``jobs`` in a thread, again and again, at least once, until the block ends."""
    stop = threading.Event()

    def repeat(job: Job) -> None:
        job()
        while not stop.is_set():
            job()

    threads = Threads(*(partial(repeat, job) for job in jobs))
    try:
        yield
    finally:
        stop.set()
        threads.join()


class Clock:
    """What all threads of a test take for the time; it moves on at each look."""

    def __init__(self, start: datetime, step: timedelta) -> None:
        self.set(start, step)

    def set(self, start: datetime, step: timedelta) -> None:
        self._times = (start + step * ticks for ticks in itertools.count())
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            return next(self._times)


class Caller:
    """A member at a server, whose token is made once."""

    def __init__(self, world: World, member: Membership, server: Flask) -> None:
        self.member = member
        self._world, self._server = world, server
        self._bearer = world.bearer(member)
        self._caller = callers.Caller(member, world.org(), None, None)

    def get(self) -> AppAnswer:
        return self._client().get("/v1/presence", headers=self._bearer)

    def post(self, path: str, key: str | None = None, **body: str) -> AppAnswer:
        headers = self._bearer | ({} if key is None else {"Idempotency-Key": key})
        return self._client().post(f"/v1/{path}", json=body, headers=headers)

    def clock_in(self, account: Account, key: str | None = None) -> AppAnswer:
        return self.post("clock-in", key, account_id=str(account.id))

    def clock_in_by_service(self, account: Account) -> None:
        with self._world.changing() as change:
            clocking.clock_in(change, self._caller, account_id=account.id)

    def _client(self) -> AppClient:
        return AppClient(self._server)


def assert_history_tells_all(world: World) -> None:
    """The events, one after the other, never share an account and lead to what is there now."""
    on: dict[Any, tuple[Any, Any]] = {}  # by account, the user and the presence
    events = world.events()
    for event in events:
        if event.kind == "switch":
            assert on.pop(event.from_account_id) == (event.user_id, event.from_presence_id)
        if event.kind in ("clock_in", "switch"):
            assert event.account_id not in on
            assert event.user_id not in {user_id for user_id, _ in on.values()}
            on[event.account_id] = event.user_id, event.presence_id
        else:
            assert on[event.account_id] == (event.user_id, event.presence_id)
        if event.kind in ("clock_out", "force_clear", "expire"):
            del on[event.account_id]
    assert on == {held.account_id: (held.user_id, held.presence_id) for held in world.held()}
    for earlier, later in itertools.pairwise(events):
        assert earlier.version <= later.version
        assert earlier.received_at <= later.received_at
