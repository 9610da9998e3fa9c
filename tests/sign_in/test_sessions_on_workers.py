"""A session that ended is refused by every worker of a real server, however it is asked."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.services import service
from tests.support.stage import PATIENCE_SECONDS, Stage, paused, wait_until

WITHIN_SECONDS = 1.0  # contract.md, "Credentials"
TRIES = 3  # a busy machine is late with everything: the best one counts


class Client:
    """A kept-alive connection to one worker, which asks with one token."""

    def __init__(self, stage: Stage, worker: int, token: str) -> None:
        others = (each for each in stage.workers if each != worker)
        address = urlsplit(stage.server.url).netloc
        self._headers = {"Authorization": f"Bearer {token}"}
        self.connection = HTTPConnection(address, timeout=PATIENCE_SECONDS)
        with paused(*others):
            assert self.ask("GET", "/healthz")[0] == 200
        self.tag = self.ask("GET", "/v1/presence")[2]
        for _ in range(2):  # the second one by the express lane
            assert self.poll()[0] == 304

    def poll(self, **headers: str) -> tuple[int, Any, str]:
        return self.ask("GET", "/v1/presence", **{"If-None-Match": self.tag}, **headers)

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, Any, str]:
        self.connection.request(method, path, headers=self._headers | headers)
        answer = self.connection.getresponse()
        body = answer.read()
        is_json = answer.headers.get_content_subtype().endswith("json")
        return answer.status, json.loads(body) if is_json and body else None, answer.headers["ETag"]

    def until_refused(self, method: str, path: str, **headers: str) -> tuple[float, str]:
        """When it was refused first, and why."""
        while True:
            status, body, _ = self.ask(method, path, **headers)
            if status == 401:
                return time.monotonic(), body["reason"]
            assert status in (200, 304)


def begin(stage: Stage) -> str:
    world = stage.world
    code = world.code(world.va())
    with closing(HTTPConnection(urlsplit(stage.server.url).netloc)) as connection:
        sent = json.dumps({"access_code": code})
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/sessions", body=sent, headers=headers)
        token: str = json.load(connection.getresponse())["token"]
        return token


@pytest.fixture
def tokens(stage: Stage) -> Iterator[str]:
    return (begin(stage) for _ in range(TRIES))


def test_a_signed_out_token_is_refused_within_a_second_on_every_worker(
    stage: Stage, tokens: Iterator[str]
) -> None:
    sign_out = ("DELETE", "/v1/sessions/current")
    seconds = [max(refusals(stage, token, token, sign_out, "signed_out")) for token in tokens]
    assert min(seconds) <= WITHIN_SECONDS, seconds


def test_a_deleted_services_token_is_refused_within_a_second_on_every_worker(
    stage: Stage,
) -> None:
    seconds = []
    for _ in range(TRIES):
        made = service(stage.world, "presence:read")
        admin, delete = stage.world.token(stage.world.admin()), f"/v1/admin/services/{made.id}"
        ends = refusals(stage, made.token, admin, ("DELETE", delete), "revoked")
        seconds.append(max(ends))
        if seconds[-1] <= WITHIN_SECONDS:
            break
    assert min(seconds) <= WITHIN_SECONDS, seconds


def refusals(
    stage: Stage, token: str, ended_by: str, ending: tuple[str, str], why: str
) -> list[float]:
    """How many seconds after its end each client with the token was refused first.

    :param ended_by: the token that ends it, by ``ending``
    """
    assert len(stage.workers) == 2
    refused: list[tuple[float, str]] = []
    with ExitStack() as stack:

        def client(worker: int, token: str = token) -> Client:
            made = Client(stage, worker, token)
            stack.callback(made.connection.close)
            return made

        asking = [
            (client(worker), path, headers)
            for worker in stage.workers
            for path, headers in (
                ("/v1/presence", True),  # the express lane
                ("/v1/presence", {"Prefer": "wait=30"}),  # the gate, which holds it
                ("/v1/presence", {"Accept": "text/csv"}),  # the gate
                ("/v1/me", {}),  # Flask
            )
        ]
        threads = []
        for each, path, headers in asking:
            given = {"If-None-Match": each.tag}
            if isinstance(headers, dict):
                given = (given if "Prefer" in headers else {}) | headers

            def run(each: Client = each, path: str = path, given: Any = given) -> None:
                refused.append(each.until_refused("GET", path, **given))

            threads.append(Thread(target=run))
        ender = client(stage.workers[0], ended_by)
        for thread in threads:
            thread.start()
        wait_until(lambda: stage.metric("presence_waiters") == len(stage.workers))
        assert ender.ask(*ending)[0] == 204
        ended_at = time.monotonic()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
    assert [reason for _, reason in refused] == [why] * len(asking)
    return [at - ended_at for at, _ in refused]
