"""Clients that are slow, silent, gone, refused or too talkative: they stop nobody else."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from statistics import median, quantiles
from time import monotonic
from typing import Any

import pytest

from dev_postgres import own_postgres
from tests.support.curl import curl
from tests.support.pollers import Clock, Crowd, Poller
from tests.support.server import copy_project
from tests.support.stage import Stage, edit, paused, served, wait_until

LISTENING = (2, 0)
PATIENCE_SECONDS = 6.0  # of the server under test; otherwise 10, so that the tests are quicker
LONGEST_SECONDS = 3 * PATIENCE_SECONDS  # on a busy machine; less than they take to send all
SLOW_CLIENTS = 3000
WAITERS = 500
HEAD = b"POST /v1/clock-in HTTP/1.1\r\nHost: presence\r\nContent-Type: application/json\r\n"
TOO_LARGE = b'{"account_id": "' + b"x" * 1024 * 1024 + b'"}'


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    project = copy_project(tmp_path_factory.mktemp("slow") / "presence")
    now = f"{PATIENCE_SECONDS}"
    edit(project / "live" / "bounded.py", "HEADERS_SECONDS = 10.0", f"HEADERS_SECONDS = {now}")
    edit(project / "live" / "bodies.py", "BODY_SECONDS = 10.0", f"BODY_SECONDS = {now}")
    with own_postgres() as postgres, served(postgres, project) as stage:
        wait_until(lambda: stage.feeds == LISTENING)
        yield stage


class SlowClient:
    """Sends ``at_once``, and then ``slowly`` a byte a second; with ``cuts`` it soon resets.

    :ivar seconds: after how long the server ended the connection
    :ivar received: all that it said
    """

    def __init__(self, url: str, at_once: bytes, slowly: bytes = b"", cuts: bool = False) -> None:
        host, port = url.removeprefix("http://").split(":")
        self.received = b""
        self.seconds: float | None = None
        self._address = host, int(port)
        self._at_once, self._slowly, self._cuts = at_once, slowly, cuts

    async def run(self, turn: asyncio.Semaphore) -> None:
        async with turn:
            begun = monotonic()  # not after: the server's time has begun when this hears of it
            reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(self._at_once)
            if self._cuts:
                await asyncio.sleep(0.5)
                writer.transport.abort()
                return
            sending = asyncio.ensure_future(self._dribble(writer))
            with suppress(ConnectionError):
                # In pieces: a reset shall not take what came before it.
                while piece := await reader.read(65536):
                    self.received += piece
            self.seconds = monotonic() - begun
            sending.cancel()
        finally:
            writer.close()

    async def _dribble(self, writer: asyncio.StreamWriter) -> None:
        for byte in self._slowly:
            await asyncio.sleep(1)
            writer.write(bytes([byte]))


def slow_clients(url: str) -> dict[str, list[SlowClient]]:
    kinds: dict[str, dict[str, Any]] = {
        "headers": {"at_once": HEAD, "slowly": b"Accept: application/json"},
        "half a line": {"at_once": b"GET /v1/pres"},
        "idle": {"at_once": b""},
        "body": {"at_once": HEAD + b"Content-Length: 90\r\n\r\n", "slowly": b" " * 90},
        "chunks": {
            "at_once": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
            "slowly": b"1\r\n \r\n" * 20,
        },
        "cut": {"at_once": HEAD + b"Content-Length: 90\r\n\r\n{", "cuts": True},
    }
    each = SLOW_CLIENTS // len(kinds)
    return {kind: [SlowClient(url, **how) for _ in range(each)] for kind, how in kinds.items()}


@pytest.mark.usefixtures("many_connections")
def test_slow_clients_stop_nobody_and_are_not_kept(stage: Stage) -> None:
    world, url = stage.world, stage.server.url
    token = world.token(world.admin("Ursa Quick"))
    pollers = [Poller(url, token, "admin", every_seconds=0.2) for _ in range(20)]
    account, clocking = world.account("Quick"), world.token(world.admin("Vera Quick"))
    clock = Clock(url, clocking, "admin", str(account.id), every_seconds=0.2)
    slow = slow_clients(url)
    with Crowd() as troublemakers:
        turn = asyncio.Semaphore(100)
        running = [
            troublemakers.start(client.run(turn)) for kind in slow.values() for client in kind
        ]
        time.sleep(3)
        # The clients that come now take the listeners' numbers; theirs then are above 1024.
        before = stage.listeners()
        stage.terminate(before)
        with Crowd(pollers, [clock]) as others:
            wait_until(lambda: len(stage.listeners() - before) == 2)
            wait_until(lambda: stage.feeds == LISTENING)
            time.sleep(3)
        for future in running:
            future.result(60)
    wait_until(lambda: stage.feeds == LISTENING)
    assert others.lost == []
    others.assert_nothing_was_late()
    others.assert_nothing_was_cut()
    assert others.statuses == {200, 304}
    for seconds in ([poll.seconds for poll in others.polls], clock.seconds):
        # Whoever waited for a slow one would have waited for as long as those may take.
        assert median(seconds) < PATIENCE_SECONDS / 4
        assert quantiles(seconds, n=20)[-1] < PATIENCE_SECONDS
    for kind in ("headers", "half a line", "idle"):
        for client in slow[kind]:
            assert client.received == b""
            assert client.seconds is not None
            assert PATIENCE_SECONDS - 1 < client.seconds < LONGEST_SECONDS
    for kind in ("body", "chunks"):
        for client in slow[kind]:
            assert client.received.startswith(b"HTTP/1.1 400 "), (kind, client.received)
            assert b'"malformed_request"' in client.received
            assert client.seconds is not None
            assert client.seconds < LONGEST_SECONDS


@pytest.mark.usefixtures("many_connections")
def test_waiters_whose_clients_vanish_are_gone(stage: Stage) -> None:
    world = stage.world
    token = world.token(world.va("Wanda Waiting"))
    waiters = [Poller(stage.server.url, token, "va") for _ in range(WAITERS)]
    with Crowd(idle=waiters) as crowd:
        # A second more than they have: the metrics are brought up to date once a second. A busy
        # machine may be late once.
        assert any(seconds_until_gone(stage, crowd) < 3 for _ in range(3))


def seconds_until_gone(stage: Stage, crowd: Crowd) -> float:
    """How long the server keeps waiters when their clients have vanished."""
    for waiter in crowd.idle:
        crowd.do(waiter.poll())
    held = [crowd.start(waiter.poll(prefer="wait=30")) for waiter in crowd.idle]
    wait_until(lambda: stage.metric("presence_waiters") == WAITERS)
    vanished_at = monotonic()
    for future in held:
        future.cancel()  # which closes its connection
    wait_until(lambda: stage.metric("presence_waiters") == 0)
    return monotonic() - vanished_at


def test_a_held_answer_has_the_date_of_its_sending(stage: Stage) -> None:
    poller = Poller(stage.server.url, stage.world.token(stage.world.admin("Ella Ramos")), "admin")
    with Crowd(idle=[poller]) as crowd:
        crowd.do(poller.poll())
        begun = time.time()
        crowd.do(poller.poll(prefer="wait=4"))
    answer = poller.polls[-1].answer
    assert answer.headers["preference-applied"] == "wait=4"
    # uvicorn renews it once a second, and it has whole seconds.
    assert parsedate_to_datetime(answer.headers["date"]).timestamp() > begun + 4 - 2.5


def test_what_admins_take_from_a_member_is_gone_on_every_worker(stage: Stage) -> None:
    world = stage.world
    revoked, deactivated, promoted = (world.va(f"{name} Reyes") for name in ("Ria", "Dan", "Pia"))
    demoted = world.admin("Deb Reyes")
    everyone = (revoked, deactivated, promoted, demoted)
    token = {member.id: world.token(member) for member in everyone}
    polling: dict[Any, list[Poller]] = {
        member.id: [Poller(stage.server.url, token[member.id], "va") for _ in stage.workers]
        for member in everyone
    }
    with Crowd(idle=[poller for pollers in polling.values() for poller in pollers]) as crowd:
        for number, other in enumerate(reversed(stage.workers)):
            with paused(other):
                for member in everyone:
                    for _ in range(3):  # the last in the express lane
                        crowd.do(polling[member.id][number].poll())
        world.revoke_tokens(revoked)
        world.deactivate(deactivated)
        for member, role in ((promoted, "admin"), (demoted, "va")):
            world.change_role(member, role)
        time.sleep(1)
        for poller in crowd.idle:  # which a busy machine may keep a little
            wait_until(lambda poller=poller: asked_again(crowd, poller) != 304, seconds=3)
    for poller in crowd.idle:
        assert (poller.lost, poller.connection.opened) == ([], 1)
    for member, reason in ((revoked, "revoked"), (deactivated, "deactivated")):
        for poller in polling[member.id]:
            assert poller.polls[-1].status == 401
            assert poller.polls[-1].answer.json["reason"] == reason
    for member, view in ((promoted, "admin"), (demoted, "va")):
        for poller in polling[member.id]:
            assert poller.polls[-2].status == 304
            assert poller.polls[-1].status == 200
            assert poller.polls[-1].answer.json["view"] == view


def asked_again(crowd: Crowd, poller: Poller) -> int:
    crowd.do(poller.poll())
    return poller.polls[-1].status


@pytest.mark.parametrize("more", ["", "Connection: close\r\n"], ids=["keep-alive", "close"])
@pytest.mark.parametrize("form", ["announced", "chunked"])
def test_who_sends_too_much_receives_the_413(stage: Stage, form: str, more: str) -> None:
    if form == "announced":
        request = HEAD + f"{more}Content-Length: {len(TOO_LARGE)}\r\n\r\n".encode() + TOO_LARGE
    else:
        request = HEAD + f"{more}Transfer-Encoding: chunked\r\n\r\n".encode()
        request += b"%x\r\n%s\r\n0\r\n\r\n" % (len(TOO_LARGE), TOO_LARGE)
    host, port = stage.server.url.removeprefix("http://").split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            # All is sent before anything is read, and not at once.
            for begin in range(0, len(request), 65536):
                connection.sendall(request[begin : begin + 65536])
                time.sleep(0.002)
            received = b""
            while b'"too_large"' not in received:
                chunk = connection.recv(65536)
                assert chunk, received
                received += chunk
            assert received.startswith(b"HTTP/1.1 413 ")
            if not more:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: presence\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("header", ["Expect:", "Expect: 100-continue", "Connection: close"])
@pytest.mark.parametrize("form", ["Accept: */*", "Transfer-Encoding: chunked"])
def test_curl_shows_the_413(stage: Stage, tmp_path: Path, form: str, header: str) -> None:
    (tmp_path / "body").write_bytes(TOO_LARGE)
    headers = ["Content-Type: application/json", form, header]
    options = [option for line in headers for option in ("--header", line)]
    data = ("--data-binary", f"@{tmp_path / 'body'}")
    for _ in range(3):
        answer = curl(f"{stage.server.url}/v1/clock-in", *options, *data)
        answer.text = answer.text.rpartition("\r\n\r\n")[2]  # after a 100, where there was one
        assert json.loads(answer.text)["code"] == "too_large"
