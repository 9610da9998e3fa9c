"""Behind real proxies as they come, with the usual lines for WebSockets."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.support import proxies
from tests.support.gzip_members import only_member
from tests.support.line import bearer, posted
from tests.support.long_orgs import occupied
from tests.support.proxies import Proxy
from tests.support.stage import Stage
from tests.support.world import World

# nginx's documentation on WebSocket proxying, with kept connections to the server.
NGINX = """
  upstream presence { server @SERVER@; keepalive 8; }
  server {
    listen 127.0.0.1:@PORT@;
    location / {
      proxy_pass http://presence;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      @MORE@
    }
  }
"""
COMPRESSING = "gzip on; gzip_types application/json; gzip_proxied any; gzip_min_length 20;"
CADDY = """
http://:@PORT@ {
  encode
  reverse_proxy @SERVER@
}
"""
HAPROXY = """
frontend all
  bind 127.0.0.1:@PORT@
  default_backend presence
backend presence
  server one @SERVER@
"""


Starter = Callable[[str], AbstractContextManager[Proxy]]


def in_front_of(stage: Stage, name: str) -> AbstractContextManager[Proxy]:
    server = urlsplit(stage.server.url).netloc
    starting: dict[str, tuple[Starter, str]] = {
        "nginx": (proxies.nginx, NGINX.replace("@MORE@", "")),
        # Head and body are then two writes, as the client's were.
        "unbuffered": (
            proxies.nginx,
            NGINX.replace("@MORE@", f"proxy_request_buffering off; {COMPRESSING}"),
        ),
        "caddy": (proxies.caddy, CADDY),
        "haproxy": (proxies.haproxy, HAPROXY),
    }
    start, text = starting[name]
    return start(text.replace("@SERVER@", server))


@pytest.fixture(scope="module", params=["nginx", "unbuffered", "caddy", "haproxy"])
def proxy(request: pytest.FixtureRequest, stage: Stage) -> Iterator[Proxy]:
    with in_front_of(stage, request.param) as proxy:
        yield proxy


def test_a_poll_through_a_proxy_keeps_its_304(stage: Stage, proxy: Proxy) -> None:
    headers = stage.world.bearer(stage.world.va("Paz Proxied"))
    with closing(HTTPConnection(*proxy.address, timeout=30)) as connection:
        for expected in (200, 304, 304, 304):
            connection.request("GET", "/v1/presence", headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == expected
            headers["If-None-Match"] = answer.headers["ETag"]


def test_a_body_through_a_proxy_is_compressed_once(stage: Stage, proxy: Proxy) -> None:
    world = World(stage.world.database, stage.world.settings, "Behind a proxy")
    headers = world.bearer(occupied(world)) | {"Accept-Encoding": "gzip"}
    with closing(HTTPConnection(*proxy.address, timeout=30)) as connection:
        connection.request("GET", "/v1/presence", headers=headers)
        answer = connection.getresponse()
        assert len(only_member(answer.read()).body) > 1024
        assert answer.headers.get_all("Content-Encoding") == ["gzip"]
        connection.request(
            "GET", "/v1/presence", headers=headers | {"If-None-Match": answer.headers["ETag"]}
        )
        assert connection.getresponse().status == 304


UPGRADES = (
    b"Connection: Upgrade\r\nUpgrade: foo\r\n",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
    b"",
)


def attack(proxy: Proxy, request: bytes) -> bytes:
    """A stranger's request, its head first; all that is answered."""
    head, end, body = request.partition(b"\r\n\r\n")
    with closing(socket.create_connection(proxy.address, timeout=20)) as connection:
        connection.sendall(head + end)
        time.sleep(0.05)
        connection.sendall(body)
        connection.settimeout(0.3)
        said = b""
        with suppress(TimeoutError):
            while piece := connection.recv(65536):
                said += piece
        return said


@pytest.mark.parametrize("chunked", [False, True])
def test_nobody_is_answered_to_bytes_that_are_not_their_own(
    stage: Stage, proxy: Proxy, chunked: bool
) -> None:
    world = stage.world
    account = world.account(f"Kept {proxy.port} {chunked}")
    held = world.clock_in(world.va("Vera Victim"), account)
    admin = world.admin(f"Ada {proxy.port} {chunked}")
    # The head of a request that the next one's Authorization would complete.
    smuggled = f"DELETE /v1/admin/presence/{account.id} HTTP/1.1\r\nHost: x\r\nX-Rest: ".encode()
    with closing(HTTPConnection(*proxy.address, timeout=30)) as victim:
        for upgrade in UPGRADES * 2:
            said = attack(proxy, posted("/v1/sessions", smuggled, upgrade, chunked=chunked))
            assert said.count(b"HTTP/1.1 ") <= 1
            for path, own in (("/v1/me", "Ada"), ("/v1/presence", str(held.presence_id))):
                victim.request("GET", path, headers=world.bearer(admin))
                answer = victim.getresponse()
                assert (answer.status, own in answer.read().decode()) == (200, True)
    assert [each.presence_id for each in world.held() if each.account_id == account.id] == [
        held.presence_id
    ]


def test_a_chunked_clock_out_that_offers_h2c_keeps_its_fence(stage: Stage, proxy: Proxy) -> None:
    world = stage.world
    member = world.va(f"Fay {proxy.port}")
    held = world.clock_in(member, world.account(f"Fenced {proxy.port}"))
    body = {"presence_id": "00000000-0000-4000-8000-000000000000"}
    for upgrade in UPGRADES:
        request = posted("/v1/clock-out", body, bearer(stage, member) + upgrade, chunked=True)
        assert attack(proxy, request).startswith(b"HTTP/1.1 410 ")
    assert held.presence_id in [each.presence_id for each in world.held()]
