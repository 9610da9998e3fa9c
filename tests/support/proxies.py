"""Real reverse proxies in front of a test's server: nginx, Caddy, HAProxy, by their own texts.

A text names the port to listen on as ``@PORT@`` and a folder of the proxy's own as ``@FOLDER@``.
"""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev_postgres import free_port
from tests.support.processes import end
from tests.support.programs import program

START_SECONDS = 30
STOP_SECONDS = 10

# Around what stands in nginx's `http` block: in the foreground, with files of its own only.
NGINX = """
daemon off;
worker_processes 1;
pid @FOLDER@/pid;
error_log @FOLDER@/errors;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path @FOLDER@/body;
  proxy_temp_path @FOLDER@/proxy;
  fastcgi_temp_path @FOLDER@/fastcgi;
  uwsgi_temp_path @FOLDER@/uwsgi;
  scgi_temp_path @FOLDER@/scgi;
  @HTTP@
}
"""
# Before a Caddyfile's sites: no door for administration, no certificates from elsewhere.
CADDY = """
{
  admin off
  auto_https off
}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
"""


@dataclass
class Proxy:
    """``address`` is where it listens, ``folder`` its own."""

    name: str
    port: int
    folder: Path

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def output(self) -> str:
        """All that it has said."""
        logs = (self.folder / "output", self.folder / "errors")
        return "".join(log.read_text() for log in logs if log.exists())


@contextmanager
def nginx(http: str) -> Iterator[Proxy]:
    """nginx with ``http`` in its block of that name."""
    command = ["-e", "@FOLDER@/errors", "-c", "@FOLDER@/configuration"]
    with _running("nginx", NGINX.replace("@HTTP@", http), command) as proxy:
        yield proxy


@contextmanager
def caddy(sites: str, options: str = CADDY) -> Iterator[Proxy]:
    """Caddy with a Caddyfile of ``options`` and ``sites``."""
    command = ["run", "--adapter", "caddyfile", "--config", "@FOLDER@/configuration"]
    with _running("caddy", options + sites, command) as proxy:
        yield proxy


@contextmanager
def haproxy(sections: str) -> Iterator[Proxy]:
    """HAProxy with ``sections`` after its defaults."""
    with _running("haproxy", HAPROXY + sections, ["-db", "-f", "@FOLDER@/configuration"]) as proxy:
        yield proxy


@contextmanager
def _running(name: str, configuration: str, options: list[str]) -> Iterator[Proxy]:
    command = [program(name), *options]
    with tempfile.TemporaryDirectory(prefix=f"presence-{name}-") as made:
        proxy = Proxy(name, free_port(), Path(made).resolve())
        proxy.folder.chmod(0o755)  # nginx's worker is another user

        def own(text: str) -> str:
            return text.replace("@PORT@", str(proxy.port)).replace("@FOLDER@", str(proxy.folder))

        (proxy.folder / "configuration").write_text(own(configuration))
        environment = os.environ | dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), made)
        with (proxy.folder / "output").open("w") as output:
            process = subprocess.Popen(
                [own(part) for part in command],
                cwd=proxy.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            _wait_until_listening(proxy, process)
            yield proxy
        finally:
            end(process, STOP_SECONDS)


def _wait_until_listening(proxy: Proxy, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            with closing(socket.create_connection(proxy.address, timeout=5)):
                return
        except OSError:
            assert process.poll() is None, proxy.output
            assert time.monotonic() < give_up, proxy.output
            time.sleep(0.05)
