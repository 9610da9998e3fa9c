"""Paths: one spelling of each reaches a route, so that no proxy's rules are walked around."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests.support.app_client import AppClient
from tests.support.asgi_client import ask, started
from tests.support.problems import assert_problem
from tests.support.proxies import Proxy, haproxy, nginx
from tests.support.stage import Stage
from tests.support.world import World

PATHS = ["/metrics", "/v1/presence", "/v1/admin/members", "/openapi.json", "/board/main.js"]


def spellings(path: str) -> Iterator[str]:
    """Other ways to write it, each of which some server takes for the same."""
    first, _, rest = path[1:].partition("/")
    coded = f"%{ord(path[1]):02x}"
    yield from (f"/{path}", f"//{path}", f"/%2F{path[1:]}", f"/%2f/{path[1:]}", f"%2F{path[1:]}")
    yield from (f"/.{path}", f"/x/..{path}", f"/%2e{path}", f"/x/%2e%2e{path}", f"/..{path}")
    yield from (f"{path}/", f"{path}//", f"{path}/.", f"{path}/x/..", f"{path};", f"{path};x=1")
    yield from (f"{path}%00", f"{path}%20", f"{path}%0a", f"{path}%3F", f"{path}%23", f"{path}.")
    yield from (f"/{coded}{path[2:]}", f"/{coded.upper()}{path[2:]}", path.upper())
    yield from (f"/\\{path[1:]}", f"/{first}\\{rest}", f"{path}\\", f"/%5c{path[1:]}")
    yield from (f"{path}#", f"{path}#x")
    yield from (f"http://localhost/{path}", f"http://localhost/%2F{path[1:]}")
    if rest:
        yield from (f"/{first}//{rest}", f"/{first}%2F{rest}", f"/{first};x/{rest}")
        yield from (f"/{first}/./{rest}", f"/{first}/x/../{rest}", f"/{first}/%2e%2e{path}")


def answered(address: tuple[str, int], target: str, *headers: str) -> tuple[int, str]:
    """The status and the body of a GET, with the target as it is written."""
    lines = [f"GET {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    with closing(socket.create_connection(address, timeout=30)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def address_of(stage: Stage) -> tuple[str, int]:
    host, port = urlsplit(stage.server.url).netloc.split(":")
    return host, int(port)


@pytest.fixture(scope="module")
def bearer(stage: Stage) -> str:
    return f"Authorization: Bearer {stage.world.token(stage.world.admin('Path Finder'))}"


@pytest.mark.parametrize("path", PATHS)
def test_no_other_spelling_of_a_path_reaches_it(stage: Stage, bearer: str, path: str) -> None:
    address = address_of(stage)
    assert answered(address, path, bearer)[0] == 200
    for target in spellings(path):
        for headers in ((), (bearer,)):
            status, body = answered(address, target, *headers)
            # What is no HTTP at all the parser refuses.
            assert (status, "#" in target or target[0] == "%") in ((404, False), (400, True)), (
                target,
                status,
            )
            assert status == 400 or json.loads(body)["code"] == "not_found"


def test_a_target_with_a_host_is_the_path_that_it_names(stage: Stage, bearer: str) -> None:
    assert answered(address_of(stage), "http://localhost/v1/presence", bearer)[0] == 200


def test_a_connection_that_polls_asks_for_no_other_path_by_another_spelling(
    stage: Stage, bearer: str
) -> None:
    with closing(socket.create_connection(address_of(stage), timeout=30)) as connection:
        reader = connection.makefile("rb")

        def status_of(target: str) -> int:
            lines = [f"GET {target} HTTP/1.1", "Host: x", bearer, "If-None-Match: *"]
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            status, length = int(reader.readline().split()[1]), 0
            while (line := reader.readline().lower()) != b"\r\n":
                name, _, value = line.strip().partition(b": ")
                length = int(value) if name == b"content-length" else length
            reader.read(length)
            return status

        for _ in range(3):
            found = [status_of(at) for at in ("/v1/presence", "//v1/presence", "/v1/%70resence")]
            assert found == [304, 404, 404]


@pytest.mark.parametrize("path", ["/v1/presence", "/metrics"])
def test_gate_and_flask_agree(app: Flask, world: World, path: str) -> None:
    ana = world.va()

    async def tell() -> None:
        async with started(app) as application:
            headers = {"authorization": f"Bearer {world.token(ana)}"}
            for target in (f"/{path}", f"/%2F{path[1:]}", f"/x/..{path}", f"{path}%00"):
                answer = await ask(application, headers, path=target)
                assert (answer.status, answer.json["code"]) == (404, "not_found"), target

    asyncio.run(tell())


@pytest.mark.parametrize("server", ["gunicorn", "another"])
def test_flask_alone_takes_no_other_spelling(client: AppClient, server: str) -> None:
    """Under any WSGI server: some tell what was sent, all decode it."""
    for sent, decoded in (("//metrics", "//metrics"), ("/%2Fmetrics", "//metrics"), ("", "")):
        told = {"RAW_URI": sent, "REQUEST_URI": ""} if server == "gunicorn" else {}
        asked = {"PATH_INFO": decoded, "RAW_URI": "", "REQUEST_URI": "", **told}
        assert_problem(client.get("/", environ_overrides=asked), 404, "not_found")
    asked = {"RAW_URI": "/%6Detrics?x", "REQUEST_URI": ""}
    assert_problem(client.get("/metrics", environ_overrides=asked), 404, "not_found")
    assert client.get("/healthz", environ_overrides={"RAW_URI": "/healthz"}).status_code == 200


DENYING = {
    "nginx": """
      merge_slashes off;
      server {
        listen 127.0.0.1:@PORT@;
        location = /metrics { deny all; }
        location ^~ /v1/admin/ { deny all; }
        location / { proxy_pass @URL@; }
      }
    """,
    "haproxy": """
frontend all
  bind 127.0.0.1:@PORT@
  http-request deny if { path /metrics } or { path_beg /v1/admin/ }
  default_backend presence
backend presence
  server one @ADDRESS@
""",
}


@pytest.fixture(params=DENYING)
def proxy(request: pytest.FixtureRequest, stage: Stage) -> Iterator[Proxy]:
    """A proxy that keeps operators' paths from strangers, as it understands them."""
    url = stage.server.url
    text = DENYING[request.param].replace("@URL@", url)
    start = {"nginx": nginx, "haproxy": haproxy}[request.param]
    with start(text.replace("@ADDRESS@", url.removeprefix("http://"))) as proxy:
        yield proxy


@pytest.mark.parametrize("path", ["/metrics", "/v1/admin/members"])
def test_what_a_proxy_denies_is_not_walked_around(proxy: Proxy, bearer: str, path: str) -> None:
    assert answered(proxy.address, path, bearer)[0] == 403
    assert answered(proxy.address, "/v1/presence", bearer)[0] == 200
    for target in spellings(path):
        status, _ = answered(proxy.address, target, bearer)
        assert status in (400, 403, 404), target
