"""Behind real proxies as they come, with the usual lines for WebSockets."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

import proxies
from proxies import Proxy
from stage import Stage

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
    }
  }
"""
CADDY = """
http://:@PORT@ {
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


def in_front_of(stage: Stage, name: str) -> AbstractContextManager[Proxy]:
    server = urlsplit(stage.server.url).netloc
    starting = {
        "nginx": (proxies.nginx, NGINX),
        "caddy": (proxies.caddy, CADDY),
        "haproxy": (proxies.haproxy, HAPROXY),
    }
    start, text = starting[name]
    return start(text.replace("@SERVER@", server))


@pytest.fixture(scope="module", params=["nginx", "caddy", "haproxy"])
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
