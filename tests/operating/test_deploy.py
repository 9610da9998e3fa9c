"""The configurations of deploy/, by the real programs, with a certificate of our own making."""

import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev_postgres import free_port
from tests.support import ROOT
from tests.support.curl import Answer, codes, curl
from tests.support.programs import program
from tests.support.proxies import Proxy, caddy, nginx
from tests.support.server import Server, copy_project, running_server
from tests.support.settings import SECRET_KEY
from tests.support.stage import edit

NAME = "presence.example"
SETTINGS = {"PRESENCE_SECRET_KEY": SECRET_KEY, "PRESENCE_TRUSTED_PROXIES": "1"}
# In the copy that is tested, so that the test need not idle for minutes.
IDLE_SECONDS, SERVICE_SECONDS = 2, 3
CLIENTS, CYCLES = 8, 4


@dataclass
class Site:
    """The service as its users reach it: by its name, over TLS."""

    server: Server
    proxy: Proxy
    port: int
    certificate: Path

    def ask(self, path: str, *options: str, scheme: str = "https", **more: Any) -> Answer:
        port = self.port if scheme == "https" else self.proxy.port
        reach = ["--resolve", f"{NAME}:{port}:127.0.0.1", "--cacert", str(self.certificate)]
        return curl(f"{scheme}://{NAME}:{port}{path}", *reach, *options, **more)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    made = folder / "fullchain.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(made)]
    command = [program("openssl"), "req", "-x509", *key, *names, *files, "-days", "2"]
    subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    project = copy_project(tmp_path_factory.mktemp("deploy") / "presence")
    edit(project / "gunicorn.conf.py", "keepalive = 75", f"keepalive = {SERVICE_SECONDS}")
    with running_server(project, **SETTINGS) as server:
        yield server


def replaced(text: str, **changes: str) -> str:
    """With each change made once: what is tested is else the file as it lies there."""
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, server: Server, certificate: Path) -> Iterator[Site]:
    port, folder = free_port(), certificate.parent
    here = {"127.0.0.1:8000": server.url.removeprefix("http://")}
    idle = {" 60s": f" {IDLE_SECONDS}s"}
    if request.param == "nginx":
        ports = {"listen 80;": "listen @PORT@;", "listen 443": f"listen {port}"}
        files = {"/etc/ssl/presence/fullchain": f"{folder}/fullchain"}
        files |= {"/etc/ssl/presence/privkey": f"{folder}/privkey"}
        text = (ROOT / "deploy/nginx.conf").read_text()
        text = without_comments(text)
        with nginx(replaced(text, **ports, **files, **here, **idle)) as proxy:
            yield Site(server, proxy, port, certificate)
    else:
        text = without_comments((ROOT / "deploy/Caddyfile").read_text())
        tls = f"\n{NAME} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"
        options = f"{{\n\tadmin off\n\thttp_port @PORT@\n\thttps_port {port}\n}}\n"
        text = replaced(text, **{f"\n{NAME} {{": tls}, **here, **idle)
        with caddy(text, options) as proxy:
            yield Site(server, proxy, port, certificate)


def without_comments(text: str) -> str:
    return re.sub(r"^#.*|\s#.*$", "", text, flags=re.MULTILINE)


def test_browsers_are_told_to_come_by_tls_alone(site: Site) -> None:
    for path in ("/", "/v1/presence", "/nothing", "/docs"):
        headers = site.ask(path).headers.lower()
        assert headers.count("strict-transport-security: max-age=31536000") == 1, path
        assert headers.count("content-security-policy:") == 1, path
    plain = site.ask("/docs?x=1", scheme="http")
    assert plain.status == 308
    assert re.search(rf"(?i)^location: https://{NAME}(:\d+)?/docs\?x=1", plain.headers, re.M)


@pytest.mark.parametrize("path", ["/v1/presence?x=1", "/v1", "//v1/me", "/%761/me", "/./v1/me"])
def test_who_sends_a_token_in_clear_is_told(site: Site, path: str) -> None:
    """And is not redirected: clients would follow, and send it in clear for ever."""
    refused = site.ask(path, "--path-as-is", scheme="http", token="a token")
    assert (refused.status, "location:" in refused.headers.lower()) == (403, False)
    assert re.search("(?i)^content-type: text/plain", refused.headers, re.M)
    assert refused.text.startswith("Use https. ")


def test_a_code_sent_in_clear_begins_no_session(site: Site) -> None:
    body = {"access_code": codes(site.server)["Maya Chen"]}
    assert site.ask("/v1/sessions", "--location", scheme="http", data=body).status == 403


def test_it_polls_through_it(site: Site, tmp_path: Path) -> None:
    maya = token_of(site)
    tag = str(tmp_path / "etag")
    assert site.ask("/v1/presence", "--etag-save", tag, token=maya).status == 200
    for version in ("--http1.1", "--http2"):
        unchanged = site.ask("/v1/presence", "--etag-compare", tag, version, token=maya)
        assert (unchanged.status, unchanged.text) == (304, "")
    begun = time.monotonic()
    waits = ("--etag-compare", tag, "--header", "Prefer: wait=1")
    held = site.ask("/v1/presence", *waits, token=maya)
    assert (held.status, time.monotonic() - begun >= 1) == (304, True)


def test_the_service_learns_the_clients_address_from_the_proxy_alone(site: Site) -> None:
    said = [
        part
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")
        for part in ("--header", f"{name}: 192.0.2.66")
    ]
    maya = token_of(site, *said)
    sessions = site.ask("/v1/me/sessions", token=maya).body["sessions"]
    assert {each["address"] for each in sessions} == {"127.0.0.1"}


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6Detrics", "/./metrics"])
def test_strangers_get_no_metrics(site: Site, path: str) -> None:
    assert site.ask(path, "--path-as-is").status == 404
    # Caddy has no such site: an empty 200.
    assert "presence_" not in site.ask(path, "--path-as-is", "--header", "Host: localhost").text


def test_no_request_meets_a_connection_that_is_just_ending(site: Site) -> None:
    """Idle for about as long as the proxy keeps its connections to the service."""
    maya = token_of(site)

    def client(number: int) -> list[int]:
        statuses = []
        for cycle in range(CYCLES):
            time.sleep(IDLE_SECONDS - 0.4 + 0.1 * ((number + cycle) % 10))
            statuses.append(site.ask("/v1/me", token=maya).status)
        return statuses

    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = [status for each in pool.map(client, range(CLIENTS)) for status in each]
    assert set(statuses) == {200}


def test_the_proxies_end_idle_connections_before_the_service_does() -> None:
    (seconds,) = re.findall(r"^keepalive = (\d+)", (ROOT / "gunicorn.conf.py").read_text(), re.M)
    for file in ("nginx.conf", "Caddyfile"):
        text = without_comments((ROOT / "deploy" / file).read_text())
        found = re.findall(r"keepalive(?:_timeout)? (\d+)s", text)
        assert [int(each) < int(seconds) for each in found] == [True], file


def test_what_must_not_be_in_them_is_not() -> None:
    for file in ("nginx.conf", "Caddyfile"):
        text = without_comments((ROOT / "deploy" / file).read_text()).lower()
        for word in ("upgrade", "proxy_cache", "buffering", "merge_slashes", "flush_interval"):
            assert word not in text, (file, word)


def token_of(site: Site, *options: str) -> str:
    """Of an admin who signs in through the proxy."""
    body = {"access_code": codes(site.server)["Maya Chen"]}
    answer = site.ask("/v1/sessions", *options, data=body)
    assert answer.status == 200
    return str(answer.body["token"])
