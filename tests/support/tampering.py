"""A proxy that changes answers on their way, as those between browsers and services may."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PATIENCE_SECONDS = 30
SIGN_ON = b"<!doctype html><title>Sign on</title><h1>Sign on to go on</h1>"
# What concerns one connection, and what is written anew.
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


@dataclass
class Asked:
    method: str
    path: str
    headers: Message


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def without(self, name: str) -> "Answer":
        headers = [(one, value) for one, value in self.headers if one.lower() != name.lower()]
        return Answer(self.status, headers, self.body)

    def with_(self, name: str, value: str) -> "Answer":
        return Answer(self.status, [*self.headers, (name, value)], self.body)


Tamper = Callable[[Asked, Answer], Answer]


def page(status: int, *headers: tuple[str, str], body: bytes = SIGN_ON) -> Answer:
    """HTML, which the service never answers under ``/v1``."""
    return Answer(status, [("Content-Type", "text/html"), *headers], body)


def answering(answer: Answer, path: str = "") -> Callable[[Asked], Answer | None]:
    """A guard that answers so wherever ``path`` is a part of the path."""
    return lambda asked: answer if path in asked.path else None


@dataclass
class Proxy:
    """``tamper`` is what it does to answers of ``/v1``; ``guard`` may answer before the service."""

    upstream: str
    url: str = ""
    tamper: Tamper | None = None
    guard: Callable[[Asked], Answer | None] = lambda _: None
    asked: list[Asked] = field(default_factory=list)

    def count(self, path: str) -> int:
        return sum(one.path == path for one in self.asked)

    def answer(self, asked: Asked, body: bytes | None) -> Answer:
        self.asked.append(asked)
        if guarded := self.guard(asked):
            return guarded
        answer = self._forward(asked, body)
        if self.tamper and asked.path.startswith("/v1/"):
            return self.tamper(asked, answer)
        return answer

    def _forward(self, asked: Asked, body: bytes | None) -> Answer:
        headers = {name: value for name, value in asked.headers.items() if name.lower() != "host"}
        connection = HTTPConnection(urlsplit(self.upstream).netloc, timeout=PATIENCE_SECONDS)
        with closing(connection):
            connection.request(asked.method, asked.path, body, headers | {"Connection": "close"})
            answer = connection.getresponse()
            kept = [pair for pair in answer.getheaders() if pair[0].lower() not in HOP_BY_HOP]
            return Answer(answer.status, kept, answer.read())


@contextmanager
def tampering(upstream: str) -> Iterator[Proxy]:
    """A proxy in front of ``upstream``, which changes nothing before it is told to."""
    proxy = Proxy(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            try:
                answer = proxy.answer(Asked(self.command, self.path, self.headers), body)
            except OSError:
                answer = page(502)
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.status not in (204, 304):
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD" and answer.status not in (204, 304):
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_DELETE = handle_one  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
