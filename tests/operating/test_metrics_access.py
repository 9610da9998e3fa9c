"""Who may read /metrics: who has the token, and this machine itself, not all behind its proxy."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dev_postgres import free_port
from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem
from tests.support.proxies import Proxy, haproxy, nginx
from tests.support.server import copy_project, running_server_at
from tests.support.settings import SECRET_KEY

TOKEN = "métrics-" + "k" * 24
BEARER = f"Bearer {TOKEN}".encode().decode("latin-1")

HERE = ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"]
ELSEWHERE = ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "10.0.0.1", "", "/run/s", "localhost."]
OWN_HOSTS = [
    *("localhost", "LocalHost:8000", "127.0.0.1", "127.0.0.1:8000", "127.1.2.3:80"),
    *("[::1]", "[::1]:8000", "[::ffff:127.0.0.1]:8000", "localhost:"),
]
OTHER_HOSTS = [
    *("presence.example", "presence.example:8000", "localhost.example", "127.0.0.1.example"),
    *("192.0.2.1", "[2001:db8::1]:80", "::1", "[localhost]", "x@localhost", "localhost:8000:1"),
    *("localhost:x", "localhost,presence.example", "", "127.1", "0.0.0.0", "[::1"),  # noqa: S104
]
PROXY_HEADERS = [
    *("Forwarded", "forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"),
    *("X-Forwarded-Port", "x-forwarded-anything", "X-Real-IP", "x-real-ip", "Via"),
]


@pytest.fixture
def database_url(sqlite_template: Path) -> str:
    return f"sqlite:///{sqlite_template}"


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_METRICS_TOKEN": TOKEN}


def ask(
    client: AppClient,
    *,
    peer: str | None = "127.0.0.1",
    host: str = "localhost:8000",
    protocol: str = "HTTP/1.1",
    **headers: str,
) -> AppAnswer:
    given = {"REMOTE_ADDR": peer, "HTTP_HOST": host, "SERVER_PROTOCOL": protocol}
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/metrics", environ_overrides=given, headers=fields)


@pytest.mark.parametrize("peer", HERE)
@pytest.mark.parametrize("host", OWN_HOSTS)
def test_this_machine_may_read_them(client: AppClient, peer: str, host: str) -> None:
    answer = ask(client, peer=peer, host=host)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "presence_" in answer.text


@pytest.mark.parametrize("peer", [*ELSEWHERE, None])
def test_others_may_not_without_the_token(client: AppClient, peer: str | None) -> None:
    assert_problem(ask(client, peer=peer), 401, "not_authenticated", reason="missing")
    assert ask(client, peer=peer, Authorization=BEARER).status_code == 200


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_who_asks_this_machine_for_another_host_came_through_a_proxy(
    client: AppClient, host: str
) -> None:
    assert_problem(ask(client, host=host), 401, "not_authenticated", reason="missing")
    assert ask(client, host=host, Authorization=BEARER).status_code == 200


@pytest.mark.parametrize("name", PROXY_HEADERS)
@pytest.mark.parametrize("value", ["192.0.2.1", "127.0.0.1", ""])
def test_what_a_proxy_brings_is_not_this_machines(client: AppClient, name: str, value: str) -> None:
    fields = {name.replace("-", "_"): value}
    assert_problem(ask(client, **fields), 401, "not_authenticated", reason="missing")
    assert ask(client, Authorization=BEARER, **fields).status_code == 200


def test_http_1_0_is_nginx_as_it_comes(client: AppClient) -> None:
    assert_problem(ask(client, protocol="HTTP/1.0"), 401, "not_authenticated")
    assert ask(client, protocol="HTTP/1.0", Authorization=BEARER).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR "])
def test_the_scheme_is_read_in_any_case(client: AppClient, scheme: str) -> None:
    given = BEARER.replace("Bearer", scheme)
    assert ask(client, peer="192.0.2.1", Authorization=given).status_code == 200


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer x", BEARER[:-1], f"{BEARER}x", BEARER.replace("Bearer", "Basic")],
)
def test_another_token_lets_nobody_in(client: AppClient, given: str) -> None:
    assert_problem(ask(client, peer="192.0.2.1", Authorization=given), 401, "not_authenticated")


@pytest.mark.parametrize("environment", [{}])
@pytest.mark.parametrize("given", ["Bearer", "Bearer ", "Bearer None", "", "Bearer x"])
def test_where_no_token_is_set_none_lets_in(client: AppClient, given: str) -> None:
    assert_problem(ask(client, peer="192.0.2.1", Authorization=given), 401, "not_authenticated")


# Over real sockets

PROXIES = {
    "nginx": """
      server {
        listen 127.0.0.1:@PORT@;
        location / { proxy_pass http://127.0.0.1:@SERVER@; }
      }
    """,
    "nginx, kept alive": """
      upstream presence { server 127.0.0.1:@SERVER@; keepalive 8; }
      server {
        listen 127.0.0.1:@PORT@;
        location / {
          proxy_pass http://presence;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
        }
      }
    """,
    "haproxy": """
frontend all
  bind 127.0.0.1:@PORT@
  default_backend presence
backend presence
  server one 127.0.0.1:@SERVER@
""",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a server on both families of addresses."""
    folder = tmp_path_factory.mktemp("metrics")
    settings = {"DATABASE_URL": f"sqlite:///{folder}/any.db", "PRESENCE_SECRET_KEY": SECRET_KEY}
    found = free_port()
    project = copy_project(folder / "presence")
    with running_server_at(found, project, "--host", "::", "--workers", "1", **settings):
        yield found


def status_at(address: tuple[str, int], host: str) -> int:
    connection = http.client.HTTPConnection(*address, timeout=30)
    with closing(connection):
        connection.request("GET", "/metrics", headers={"Host": host})
        return connection.getresponse().status


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.0.0.9"])
def test_a_server_of_both_families_knows_its_own_machine(port: int, address: str) -> None:
    assert status_at((address, port), f"localhost:{port}") == 200
    assert status_at((address, port), "presence.example") == 401


@pytest.fixture(params=PROXIES)
def proxy(request: pytest.FixtureRequest, port: int) -> Iterator[Proxy]:
    """A proxy on this machine, with as little said to it as it takes."""
    start = haproxy if request.param == "haproxy" else nginx
    with start(PROXIES[request.param].replace("@SERVER@", str(port))) as proxy:
        yield proxy


def test_a_proxy_on_this_machine_brings_strangers(proxy: Proxy) -> None:
    for host in ("presence.example", "presence.example:443", "192.0.2.1"):
        assert status_at(proxy.address, host) == 401
