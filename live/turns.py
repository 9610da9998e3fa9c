"""The threads of a process, and whose turn it is: the rule is in live/shares.py.

A thread that is done takes up the next request by itself.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from time import monotonic
from typing import Any, TypeVar

from live.asgi import Message, Receive
from live.request_cycle import HALF_CLOSED
from live.shares import REPORTS, Owner, Shares, Turn
from models import compute_lock

NICENESS = 10  # more than the event loop's, on Linux: polls go first where the processor is busy
LOOK_SECONDS = 0.25  # for those that have waited too long, and at owners that have become slow

Result = TypeVar("Result")
Work = Callable[["Job"], Result]


class Waited(Exception):
    """A request has waited for its turn for too long."""


class Gone(Exception):
    """The client has disconnected while its request waited."""


class NotItsTurn(BaseException):
    """The request is another owner's, of whom others come first.

    No error of the application's: nothing there may answer it.
    """

    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self.owner = owner


class Job(Turn):
    """
    :ivar done: what came of it, on the event loop
    """

    __slots__ = ("_loop", "_work", "done")

    def __init__(self, owner: Owner, body_bytes: int, asked_at: float, work: Work[Any]) -> None:
        super().__init__(owner, body_bytes, asked_at)
        self._work = work
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Any] = self._loop.create_future()

    def run(self) -> None:
        """Do the work, in a thread."""
        # Reports compute for long: others are not to wait for them.
        is_report = self.owner.lane == REPORTS
        try:
            with nullcontext() if is_report else compute_lock.held():
                came_of_it = self._work(self)
            self._tell(self.done.set_result, came_of_it)
        except BaseException as error:
            self._tell(self.done.set_exception, error)

    def _tell(self, tell: Callable[..., None], came_of_it: object) -> None:
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(self._unless_cancelled, tell, came_of_it)

    def _unless_cancelled(self, tell: Callable[..., None], came_of_it: object) -> None:
        if not self.done.cancelled():
            tell(came_of_it)


class Turns:
    """Those of one process."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(
            threads, thread_name_prefix="flask", initializer=_give_way
        )
        self._shares: Shares[Job] = Shares(threads)
        self._lock = threading.Lock()  # of the shares
        self._is_looking = False

    async def run(
        self, owner: Owner, body_bytes: int, work: Work[Result], receive: Receive
    ) -> Result:
        """Do the work in a thread when it is its turn.

        :param receive: tells of the client's end while the request waits
        :raises Full: the owner has too many that wait
        :raises Waited: this one has waited for too long
        :raises Gone: nobody waits for the answer any more
        """
        asked_at = monotonic()
        while True:
            job = Job(owner, body_bytes, asked_at, work)
            try:
                await self._begin(job, receive)
                came_of_it: Result = await job.done
                return came_of_it
            except NotItsTurn as others:
                owner = others.owner

    def counted(self) -> dict[str, tuple[int, int]]:
        """How many requests wait for a thread, and how many have one, by lane."""
        with self._lock:
            return {name: (lane.waiting, lane.begun) for name, lane in self._shares.lanes.items()}

    def move(self, job: Job, owner: Owner) -> None:
        """Let a request go on as another owner's.

        :raises NotItsTurn: others of that owner come first
        """
        with self._lock:
            now = monotonic()
            if not self._shares.move(job, owner, now):
                raise NotItsTurn(owner)
            begun = [*self._shares.next(now)]
        self._start(begun)

    async def _begin(self, job: Job, receive: Receive) -> None:
        """Begin a job, or wait for its turn, for its end, or for the end of its client.

        :raises Full: too many wait already
        :raises Gone: the client went first
        """
        with self._lock:
            has_begun = self._shares.ask(job, monotonic())
        if has_begun:
            self._threads.submit(self._work, job)
            return
        self._look_later()
        gone, has_left = asyncio.ensure_future(_disconnected(receive)), False
        try:
            await asyncio.wait((job.done, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not job.done.done():
                with self._lock:
                    has_left = self._shares.give_up(job)
        if has_left:
            raise Gone

    def _work(self, job: Job) -> None:
        """Run a job, and those whose turn it is then, for as long as there are any."""
        following: Job | None = job
        while following is not None:
            following.run()
            with self._lock:
                now = monotonic()
                self._shares.end(following, now)
                begun = [*self._shares.next(now)]
            following = begun[0] if begun else None
            self._start(begun[1:])

    def _start(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._threads.submit(self._work, job)

    def _look_later(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Refuse those that have waited too long; what may begin depends on the time too."""
        self._is_looking = False
        try:
            with self._lock:
                now = monotonic()
                overdue, begun = self._shares.take_overdue(now), [*self._shares.next(now)]
            self._start(begun)
            for job in overdue:
                if not job.done.done():
                    job.done.set_exception(Waited())
        finally:  # an exception must not keep those that wait for ever
            if self._shares.are_wanted:
                self._look_later()


def _give_way() -> None:
    """Let the process's other threads go first, where each thread has a priority of its own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        now = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, now + NICENESS)  # 19 is the most


async def _disconnected(receive: Receive) -> None:
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()
    if message is HALF_CLOSED:  # the client still reads the answer
        await asyncio.Future()
