"""Bodies above 64 KiB: of the directory alone, and kept and parsed only for who may send them."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from flask import Flask

import live.bodies
from issuers.registry import TrustedIssuers
from live.application import Application
from live.asgi import Message
from live.bodies import Bodies, Unread
from models import Membership
from tests.support.app_client import AppAnswer, AppClient
from tests.support.asgi_client import ask
from tests.support.problems import assert_problem
from tests.support.world import World
from wire.body_size import BODY_BYTES

PATH = "/v1/admin/directory"
MIB = 1024 * 1024
NONSENSE = b"{" * (BODY_BYTES + 1)
JSON = {"Content-Type": "application/json"}


def directory(size: int) -> bytes:
    listed = {"accounts": [{"id": str(uuid4()), "name": "Acme"}]}
    return json.dumps(listed).ljust(size).encode()


def put(client: AppClient, headers: dict[str, str], body: bytes, *, chunked: bool) -> AppAnswer:
    if not chunked:
        return client.put(PATH, data=body, headers=headers | JSON)
    return client.put(
        PATH,
        input_stream=io.BytesIO(body),
        headers=headers | JSON | {"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


@pytest.mark.parametrize("chunked", [False, True])
def test_a_directory_may_have_4_mib(world: World, client: AppClient, chunked: bool) -> None:
    bearer = world.bearer(world.admin())
    answer = put(client, bearer, directory(4 * MIB), chunked=chunked)
    assert answer.status_code == 200
    assert answer.json["accounts"]["created"] == 1
    assert_problem(put(client, bearer, NONSENSE, chunked=chunked), 400, "malformed_request")
    too_large = put(client, bearer, directory(4 * MIB + 1), chunked=chunked)
    assert_problem(too_large, 413, "too_large")
    other = client.put(f"/v1/admin/accounts/{uuid4()}", data=NONSENSE, headers=bearer | JSON)
    assert_problem(other, 413, "too_large")


@pytest.mark.parametrize("chunked", [False, True])
def test_who_may_not_send_it_is_told_so_before_it_is_parsed(
    world: World, client: AppClient, chunked: bool
) -> None:
    ana, acme = world.va(), world.account()
    tom = world.bearer(world.admin(), account=acme)
    assert_problem(put(client, {}, NONSENSE, chunked=chunked), 401, "not_authenticated")
    for bearer in (world.bearer(ana), tom):
        assert_problem(put(client, bearer, NONSENSE, chunked=chunked), 403, "admin_only")
    # A small one is judged as everywhere: its form comes first.
    answer = put(client, {}, b"{", chunked=False)
    assert_problem(answer, 400, "malformed_request")


def test_the_gate_passes_a_large_directory_on(world: World, app: Flask) -> None:
    maya, ana = world.bearer(world.admin()), world.bearer(world.va())

    async def tell() -> None:
        gate = Application(app)
        for bearer, body, status in (
            (maya, directory(4 * MIB), 200),
            (maya, directory(4 * MIB + 1), 413),
            (ana, NONSENSE, 403),
            ({}, NONSENSE, 401),
        ):
            headers = bearer | JSON | {"Content-Length": str(len(body))}
            answered = await ask(gate, headers, method="PUT", path=PATH, body=body)
            assert answered.status == status, answered.body

    asyncio.run(tell())


class Sender:
    """Sends a body piece by piece, and no end of it until it is told so."""

    def __init__(self, bodies: Bodies, headers: dict[str, str], pieces: int) -> None:
        self.sent = 0
        self.held = AsyncExitStack()
        self.end = asyncio.Event()
        self._pieces = pieces
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {"raw_path": PATH.encode()}
        self.reading = asyncio.ensure_future(bodies.read(scope, raw, self._receive, self.held))

    async def _receive(self) -> Message:
        if self.sent == self._pieces:
            await self.end.wait()
            return {"type": "http.request", "body": b"", "more_body": False}
        self.sent += 1
        return {"type": "http.request", "body": b" " * BODY_BYTES, "more_body": True}


async def settled(is_so: Callable[[], bool]) -> None:
    for _ in range(100):
        await asyncio.sleep(0)
    assert is_so()


def run(world: World, tell: Callable[[Bodies], Awaitable[None]]) -> None:
    async def told() -> None:
        await tell(Bodies(world.settings, TrustedIssuers(world.settings, world.database)))

    asyncio.run(told())


def test_no_more_than_64_kib_is_kept_of_who_has_no_good_token(world: World) -> None:
    expired = world.bearer(world.admin(), ttl_seconds=-1)

    async def tell(bodies: Bodies) -> None:
        for headers in ({}, expired, {"Authorization": "Bearer x"}):
            sender = Sender(bodies, headers, pieces=20)
            sender.end.set()
            assert len(await sender.reading or b"") == BODY_BYTES + 1
            # Nor is it sent by who asks first.
            asked = headers | {"Expect": "100-continue", "Content-Length": str(MIB)}
            assert await Sender(bodies, asked, pieces=20).reading == b""

    run(world, tell)


def test_a_user_has_one_large_body_in_memory_and_all_together_few(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.bodies, "LARGE_BODIES", 2)
    people: list[Membership] = [world.admin(), world.va(), world.va("Ben")]
    maya, ana, ben = (world.bearer(person) for person in people)

    async def tell(bodies: Bodies) -> None:
        first = Sender(bodies, maya, pieces=5)
        await settled(lambda: first.sent == 5)
        again = Sender(bodies, maya, pieces=5)
        others = [Sender(bodies, ana, pieces=5)]
        await settled(lambda: others[0].sent == 5)
        others.append(Sender(bodies, ben, pieces=5))
        await settled(lambda: (again.sent, others[1].sent) == (2, 2))
        first.end.set()
        assert len(await first.reading or b"") == 5 * BODY_BYTES
        await settled(lambda: (again.sent, others[1].sent) == (2, 2))
        await first.held.aclose()  # answered
        await settled(lambda: sorted((again.sent, others[1].sent)) == [2, 5])
        monkeypatch.setattr(live.bodies, "BODY_SECONDS", 0.0)
        with pytest.raises(Unread) as refused:
            await Sender(bodies, maya, pieces=5).reading
        assert refused.value.code == "busy"
        for sender in (*others, again):
            sender.reading.cancel()

    run(world, tell)
