"""Large exports over real connections: in pieces, as fast as the client reads, byte for byte."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from dev_postgres import own_postgres
from live.streaming import OF_ONE
from models import Membership
from services import directory
from services.listed_accounts import ListedAccount
from tests.support.app_client import AppClient
from tests.support.outside import app_on
from tests.support.server import copy_project
from tests.support.stage import Stage, edit, served, wait_until
from tests.support.world import World
from wire.pieces import PIECE_BYTES

ACCOUNTS = 9_000  # with long names: more than the kernel takes of an answer that is not read
NAME = "\N{CJK UNIFIED IDEOGRAPH-5B57}" * 190
STALLED = 4
WORKERS = 2
PATIENCE_SECONDS = 60.0
TYPES = ("text/csv", "application/x-ndjson", "text/plain")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    project = copy_project(tmp_path_factory.mktemp("exports") / "presence")
    edit(project / "live" / "write_timeout.py", "STALLED_SECONDS = 30.0", "STALLED_SECONDS = 4.0")
    edit(project / "live" / "write_timeout.py", "LOOK_SECONDS = 2.0", "LOOK_SECONDS = 0.5")
    with own_postgres() as postgres, served(postgres, project) as stage:
        listed = [
            ListedAccount(uuid4(), f"{number:05} {NAME}", False) for number in range(ACCOUNTS)
        ]
        with stage.world.changing() as change:
            directory.sync(change, accounts=listed, actor=None)
        yield stage
        stage.assert_quiet()


@pytest.fixture(scope="module")
def maya(stage: Stage) -> Membership:
    return stage.world.admin()


class Download:
    """One request for all accounts, on a connection of its own; read when a test wants to."""

    def __init__(
        self,
        stage: Stage,
        maya: Membership,
        media_type: str,
        *,
        method: str = "GET",
        version: str = "HTTP/1.1",
    ) -> None:
        url = urlsplit(stage.server.url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect((url.hostname, url.port))
        lines = [
            f"{method} /v1/admin/accounts {version}",
            "Host: presence",
            f"Authorization: {stage.world.bearer(maya)['Authorization']}",
            f"Accept: {media_type}",
            "Connection: close",
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def read(self) -> tuple[dict[str, str], bytes]:
        """The headers, and what follows them, to the end of the connection."""
        received = b""
        while piece := self.socket.recv(1024 * 1024):
            received += piece
        head, _, rest = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        assert status == "HTTP/1.1 200 OK"
        return dict(line.lower().split(": ", 1) for line in lines), rest


@contextmanager
def downloading(
    stage: Stage, maya: Membership, media_type: str = TYPES[0], **options: Any
) -> Iterator[Download]:
    download = Download(stage, maya, media_type, **options)
    with closing(download.socket):
        yield download


def chunks_of(body: bytes) -> list[bytes]:
    """RFC 9112, 7.1; the last one is empty."""
    chunks = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        chunks.append(rest[:length])
        assert rest[length : length + 2] == b"\r\n"
        body = rest[length + 2 :]
    return chunks


@pytest.mark.parametrize("media_type", TYPES)
def test_a_large_list_comes_in_pieces_and_is_what_flask_says(
    stage: Stage, maya: Membership, media_type: str
) -> None:
    with downloading(stage, maya, media_type) as download:
        headers, sent = download.read()
    assert headers["transfer-encoding"] == "chunked"
    assert "content-length" not in headers
    *pieces, last = chunks_of(sent)
    assert last == b""
    assert len(pieces) > 20
    assert max(map(len, pieces)) <= PIECE_BYTES
    with app_on(stage.postgres.url) as app:
        asked = stage.world.bearer(maya) | {"Accept": media_type}
        assert AppClient(app).get("/v1/admin/accounts", headers=asked).data == b"".join(pieces)
    with downloading(stage, maya, media_type, version="HTTP/1.0") as download:
        headers, whole = download.read()
    assert whole == b"".join(pieces)
    assert headers["content-length"] == str(len(whole))
    with downloading(stage, maya, media_type, method="HEAD") as download:
        headers, nothing = download.read()
    assert nothing == b""
    assert "content-length" not in headers


def test_who_does_not_read_holds_nobody_up_and_is_ended(stage: Stage, maya: Membership) -> None:
    with ExitStack() as open_ones:
        for _ in range(STALLED):
            wait_until(lambda: has_begun(open_ones.enter_context(downloading(stage, maya))))
        # Without the threads in which the pieces are made, and without the database's connections.
        for _ in range(20):
            assert stage.get("/readyz")[0] == 200
        ended = 'presence_ended_connections_total{reason="stalled"}'
        wait_until(lambda: stage.metric(ended) >= STALLED)


def test_an_org_has_few_exports_open_at_once(stage: Stage, maya: Membership) -> None:
    with ExitStack() as open_ones:
        downloads = [
            open_ones.enter_context(downloading(stage, maya)) for _ in range(WORKERS * OF_ONE + 1)
        ]
        sockets = [each.socket for each in downloads]
        first = {each: each.recv(20_000) for each in sockets}
        refused = [head for head in first.values() if head.startswith(b"HTTP/1.1 503 ")]
        assert len(refused) >= 1
        for head in refused:
            assert b"retry-after: " in head.lower()
            assert b'"code":"busy"' in head
        assert len(first) - len(refused) <= WORKERS * OF_ONE
        others = World(stage.world.database, stage.world.settings, "Heron Tax")
        answer = open_ones.enter_context(downloading(stage, others.admin())).read()
        assert answer[1]
    wait_until(lambda: has_room(stage, maya))


def has_room(stage: Stage, maya: Membership) -> bool:
    with downloading(stage, maya) as download:
        return has_begun(download)


def has_begun(download: Download) -> bool:
    """A worker refuses more than a few of one org."""
    return download.socket.recv(12) == b"HTTP/1.1 200"


def test_who_reads_in_the_end_gets_it_whole(stage: Stage, maya: Membership) -> None:
    with downloading(stage, maya) as first, downloading(stage, maya) as second:
        wait_until(lambda: stage.is_ready)
        pieces = [chunks_of(each.read()[1]) for each in (first, second)]
    assert pieces[0] == pieces[1]
    assert pieces[0][-1] == b""


def test_who_goes_midway_is_no_error(stage: Stage, maya: Membership) -> None:
    for _ in range(5):
        with downloading(stage, maya) as download:
            assert download.socket.recv(20_000)
    wait_until(lambda: stage.is_ready)
    stage.assert_quiet()
