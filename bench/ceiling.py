"""bench ceiling: how many unchanged polls one core answers, beside what others make of it.

One worker on one core, wrk with 64 connections on the other, a browser's headers, the contestants
by turns. Rates of one run are compared, so that a busy machine is so for all of them.
"""

import argparse
import http.client
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.clients import PATH, browser_headers
from bench.common import (
    CLIENT_CORE,
    Targets,
    Unable,
    on_core,
    require_program,
    run,
    say_heading,
    say_table,
)
from bench.issuer import Issuer, issuing
from bench.servers import Place, Server, gunicorn, place, serving, wait_until_up
from bench.world import build
from dev_postgres import free_port

OCCUPIED = 50
CONNECTIONS = 64
GTHREAD = ("--worker-class", "gthread", "--threads", "16")

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 75;
  default_type application/json;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {more}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {folder};
  }}
}}
"""
FILE_CACHE = "open_file_cache max=100; open_file_cache_valid 60s;"

WRK = """
{headers}
done = function(summary)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d", summary.requests, summary.duration, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass
class Contestant:
    name: str
    server: Server
    headers: dict[str, str]
    rates: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(self.rates)


def main(options: argparse.Namespace) -> None:
    wrk = require_program("wrk", "wrk")
    require_program("nginx", "nginx")
    say_heading("ceiling")
    with ExitStack() as stack:
        issuer = stack.enter_context(issuing())
        where = stack.enter_context(place("postgresql", **issuer.environment))
        contestants = list(start_all(stack, where, issuer, are_few=options.few_headers))
        for _ in range(options.rounds):
            for contestant in contestants:
                contestant.rates.append(measure(wrk, contestant, options.seconds))
    report({contestant.name: contestant for contestant in contestants})


def start_all(
    stack: ExitStack, where: Place, issuer: Issuer, *, are_few: bool
) -> Iterator[Contestant]:
    (org,) = build(where, orgs=1, members=OCCUPIED + 1, occupied=OCCUPIED)
    first = org.people[0]
    headers, of_issuer = map(browser_headers, (first.token, issuer.token(first.user_id, org.id)))
    if are_few:
        headers, of_issuer = (
            {"Authorization": each["Authorization"]} for each in (headers, of_issuer)
        )
    for name, application, arguments in (
        ("express lane", "asgi:application", ()),
        ("express lane, uncounted", "bench.uncounted:application", ()),
        ("gate", "bench.gate_alone:application", ()),
        ("bare ASGI", "bench.bare:application", ()),
        ("our Flask view", "app:app", GTHREAD),
        ("naive view", "bench.naive:app", GTHREAD),
    ):
        server = stack.enter_context(gunicorn(application, where, *arguments))
        yield Contestant(name, server, with_tag(server, headers))
        if name == "express lane":
            _, body = ask(server, headers)
            yield Contestant("express lane, ES256", server, with_tag(server, of_issuer))
    for name, more in (("nginx file", ""), ("nginx file, cached", FILE_CACHE)):
        server = stack.enter_context(nginx(body, more))
        yield Contestant(name, server, with_tag(server, headers))


@contextmanager
def nginx(body: bytes, more: str) -> Iterator[Server]:
    """nginx with ``body`` as a static file in the place of the snapshot."""
    with tempfile.TemporaryDirectory(prefix="presence-bench-") as folder:
        Path(folder).chmod(0o755)  # its worker may be another user
        file = Path(folder + PATH)
        file.parent.mkdir()
        file.write_bytes(body)
        port = free_port()
        conf = Path(folder) / "nginx.conf"
        conf.write_text(NGINX.format(folder=folder, port=port, more=more))
        command = [require_program("nginx", "nginx"), "-e", f"{folder}/errors", "-c", str(conf)]
        with serving(port, *command) as server:
            wait_until_up(server)
            yield server


def with_tag(server: Server, headers: dict[str, str]) -> dict[str, str]:
    """The headers of a poll that finds nothing new."""
    answer, _ = ask(server, headers)
    tag = answer.headers.get("ETag", 'W/"any"')  # the bare one says 304 to everything
    return {**headers, "If-None-Match": tag}


def ask(server: Server, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", PATH, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def measure(wrk: str, contestant: Contestant, seconds: int) -> float:
    """304s a second; all of them are 304s."""
    size = size_of_304(contestant)
    lines = [f"wrk.headers[ [[{k}]] ] = [[{v}]]" for k, v in contestant.headers.items()]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK.format(headers="\n".join(lines)))
        script.flush()
        options = [
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds}s",
            "--timeout",
            "20s",
            "-s",
            script.name,
        ]
        url = f"http://127.0.0.1:{contestant.server.port}{PATH}"
        command = on_core(CLIENT_CORE, wrk, *options, url)
        said = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30).stdout
    result = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", said)
    if result is None:
        raise Unable(f"wrk said: {said}")
    requests, microseconds, received, failed = map(int, result.groups())
    size_of_304(contestant)
    # wrk does not tell a 200 from a 304, but the snapshot of 50 accounts is many times as long.
    if failed or not requests or abs(received / requests - size) > 0.2 * size:
        raise Unable(f"{contestant.name} did not always answer 304: {said}")
    return requests / microseconds * 1e6


def size_of_304(contestant: Contestant) -> int:
    """About how many bytes its 304 has."""
    answer, _ = ask(contestant.server, contestant.headers)
    if answer.status != 304:
        raise Unable(f"{contestant.name} answered {answer.status}, not 304")
    return len(f"HTTP/1.1 304 {answer.reason}\r\n{answer.headers.as_string()}")


def report(by_name: dict[str, Contestant]) -> None:
    file, cached, naive = (
        by_name[name] for name in ("nginx file", "nginx file, cached", "naive view")
    )
    say_table(
        ("", "304s a second", "lowest to highest", "/ nginx file", "/ cached", "/ naive"),
        [
            (
                each.name,
                f"{each.rate:,.0f}",
                f"{min(each.rates):,.0f} to {max(each.rates):,.0f}",
                *(f"{each.rate / other.rate:,.2f}" for other in (file, cached)),
                f"{each.rate / naive.rate:,.1f}",
            )
            for each in sorted(by_name.values(), key=lambda each: -each.rate)
        ],
    )
    targets = Targets()
    for name, least, other in (
        ("express lane", 1.0, "nginx file"),
        ("express lane", 0.8, "nginx file, cached"),
        ("express lane", 200, "naive view"),
        ("express lane, ES256", 0.97, "express lane"),
        ("express lane", 0.95, "express lane, uncounted"),
        ("gate", 0.8, "bare ASGI"),
        ("gate", 0.45, "nginx file"),
    ):
        targets.at_least(f"{name} / {other}", least, by_name[name].rate / by_name[other].rate)
    targets.say()


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench ceiling")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each contestant and round")
    parser.add_argument("--few-headers", action="store_true", help="not a browser's")
    run(main, parser)
