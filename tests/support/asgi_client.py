"""Asks ASGI applications as a server would, without one."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from flask import Flask
from sqlalchemy import event

from live.application import Application
from live.asgi import Message
from live.watch_cache import CachedOrg
from models.database import Database
from models.versions import Versions
from tests.support.world import World

PATIENCE_SECONDS = 10.0  # for a condition that must come true; no test waits so long that passes

WITHIN_SECONDS = 1.0  # contract.md, "Credentials": a change takes effect
LONGEST_TURN_SECONDS = 0.02  # of a machine that has time

Headers = list[tuple[bytes, bytes]]
AsgiApplication = Callable[..., Awaitable[None]]

# What the driver or models/database.py sends around transactions, and what the sweep of an own
# connection asks, is no cost of a poll.
NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "SET", "PRAGMA")


@dataclass
class Answered:
    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((v.decode() for n, v in self.headers if n == name.lower().encode()), None)

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def tag(self) -> str:
        return self.header("etag") or ""


def without_date(answered: Answered) -> tuple[int, Headers, bytes]:
    headers = [(name.lower(), value) for name, value in answered.headers]
    return answered.status, [each for each in headers if each[0] != b"date"], answered.body


class Request:
    """One request on its way.

    ``hold_body()`` keeps its body back, ``go_away()`` is the client's closing of the connection.
    """

    def __init__(self, app: AsgiApplication, scope: dict[str, Any], body: bytes) -> None:
        self.answered = Answered()
        self._app = app
        self._scope = scope
        self._messages = [{"type": "http.request", "body": body, "more_body": False}]
        self._gone = asyncio.Event()
        self.task = asyncio.ensure_future(self._run())

    def hold_body(self) -> None:
        self._messages.clear()

    def go_away(self) -> None:
        self._gone.set()

    async def _run(self) -> Answered:
        await self._app(self._scope, self._receive, self._send)
        return self.answered

    async def _receive(self) -> dict[str, Any]:
        if self._messages:
            return self._messages.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert self.answered.status == 0
            self.answered.status = message["status"]
            self.answered.headers = list(message["headers"])
        else:
            self.answered.body += message.get("body", b"")


def scope_of(
    headers: Headers | dict[str, str],
    *,
    method: str = "GET",
    path: str = "/v1/presence",
    query: bytes = b"",
) -> dict[str, Any]:
    """A request's; ``headers`` are taken in their order, names lower-cased."""
    if isinstance(headers, dict):
        headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50_000),
        "scheme": "http",
        "root_path": "",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in headers],
        "state": {},
    }


def request(
    app: AsgiApplication, headers: Headers | dict[str, str], *, body: bytes = b"", **options: Any
) -> Request:
    """Start a request."""
    return Request(app, scope_of(headers, **options), body)


async def ask(app: AsgiApplication, headers: Headers | dict[str, str], **options: Any) -> Answered:
    """Ask and take the answer, with a bound on how long that may take."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await request(app, headers, **options).task


async def post(app: AsgiApplication, headers: dict[str, str], path: str, **body: Any) -> Answered:
    sent = json.dumps(body).encode()
    headers = headers | {"content-type": "application/json", "content-length": str(len(sent))}
    return await ask(app, headers, method="POST", path=f"/v1/{path}", body=sent)


class Patience:
    """So many seconds; what a busy machine stands still meanwhile is not counted."""

    def __init__(self, seconds: float) -> None:
        self._seconds = self._left = seconds
        self._at = monotonic()

    async def turn(self, still: object) -> None:
        """Let others go on for a moment; the last one fails."""
        await asyncio.sleep(0.005)
        now = monotonic()
        self._left -= min(now - self._at, LONGEST_TURN_SECONDS)
        self._at = now
        assert self._left > 0, f"still {still} after {self._seconds} s"


async def until(is_so: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a condition; it must come true in time."""
    patience = Patience(seconds)
    while not is_so():
        await patience.turn("not so")


async def until_answered(
    is_so: Callable[[Answered], Any],
    poll: Callable[[], Awaitable[Answered]],
    seconds: float = PATIENCE_SECONDS,
) -> Answered:
    """Poll until the answer is so; it must be in time."""
    patience = Patience(seconds)
    while not is_so(answered := await poll()):
        await patience.turn(answered)
    return answered


@asynccontextmanager
async def lifespan(application: Application) -> AsyncIterator[Application]:
    """The process between its start and its stop, which leaves no thread of its feed."""
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    before = set(threading.enumerate())
    task = asyncio.ensure_future(application({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    try:
        yield application
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task
        for thread in set(threading.enumerate()) - before:
            if thread.name in ("listener", "sweeper"):
                await asyncio.to_thread(thread.join, PATIENCE_SECONDS)


@asynccontextmanager
async def started(app: Flask) -> AsyncIterator[Application]:
    """A process whose feed is alive."""
    async with lifespan(Application(app)) as application:
        await until(lambda: application.feed is application.feeds[0])
        await until(lambda: application.cache.lease_until > monotonic())
        yield application


def memory_of(application: Application, world: World) -> CachedOrg:
    return application.cache.orgs[world.id]


async def until_current(application: Application, world: World) -> None:
    """Wait until memory has what the database has now."""
    versions = Versions.of(world.org())

    def is_current() -> bool:
        org = application.cache.orgs.get(world.id)
        if org is None:
            return True
        if org.reading is not None or org.state is None:
            return False
        return org.state.versions == versions

    await until(is_current)


@contextmanager
def counting(database: Database) -> Iterator[list[str]]:
    """The statements that are run meanwhile."""
    statements: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.split()[0] not in NOT_COUNTED:
            statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", keep)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", keep)
