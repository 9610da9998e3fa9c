"""Bodies over 1 KB are compressed for clients that accept gzip: one valid member each, the same
tag, and without gzip the same bytes as ever."""

import gzip
import subprocess
import sys
from functools import partial
from uuid import UUID

import pytest

from models.views import OCCUPANCY, PEOPLE, View
from tests.support import ROOT
from tests.support.app_client import AppAnswer, AppClient
from tests.support.gzip_members import STORED, only_member
from tests.support.long_orgs import occupied, rendered
from tests.support.world import World
from wire.body import Beginning, Body
from wire.content_coding import accepts_gzip
from wire.rendered import Viewer

FORMATS = ["application/json", "text/plain", "text/csv", "application/x-ndjson"]
ACCEPTING = [
    *("gzip", "GZip", "x-gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8, *;q=0.1"),
    *("*", "*;q=0.5", "gzip;q=0.001", "gzip ; q=1.000", ", gzip,,", "identity;q=0, gzip"),
    *("gzip;q=0.5, identity;q=0.5", "identity;q=0, *", "gzip,*;q=0", "\tgzip\t", "gzip;Q=0.3"),
    *("identity;q=0.5, x-gzip", "a," * 19 + "gzip"),
]
NOT_ACCEPTING = [
    *("", " ", "br", "deflate, br", "identity", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *"),
    *("gzip;q=0.5, identity", "identity;q=0", "identity;q=0, br", "gzip;q=0, identity;q=0"),
    *("x-gzip;q=0, gzip", "gzip, gzip;q=0", "gzip;q=2", "gzip;q=1.5", "gzip;q=0.1234", "gzip;q="),
    *(
        "gzip;q=x",
        "gzip;level=9",
        "gzip q=1",
        "gzip; q=1; q=0",
        "gz ip",
        '"gzip"',
        "gzip;",
        "gzip/",
    ),
    *("gzip, ;q=1", "gzip,\x00", "gzip²", "a," * 20 + "gzip", "gzip," + " " * 2000),
]


def ids(number: int) -> UUID:
    return UUID(int=number)


def viewer(view: View) -> Viewer:
    return Viewer(ids(1), ids(2), view, None)


@pytest.mark.parametrize("header", ACCEPTING)
def test_a_client_that_accepts_gzip_gets_it(header: str) -> None:
    assert accepts_gzip(header)


@pytest.mark.parametrize("header", [None, *NOT_ACCEPTING])
def test_who_refuses_gzip_or_speaks_nonsense_gets_the_body_as_it_is(header: str | None) -> None:
    assert not accepts_gzip(header)


def described(answer: AppAnswer) -> dict[str, str]:
    """Its headers, but for those that each answer has its own of."""
    own = ("Content-Encoding", "Content-Length", "Request-Id")
    return {name: value for name, value in answer.headers if name not in own}


def test_a_long_body_is_one_gzip_member(world: World, client: AppClient) -> None:
    maya = occupied(world)
    for path, accept in [("accounts", "*/*"), *(("presence", each) for each in FORMATS)]:
        plain = world.get(client, maya, path, Accept=accept)
        assert len(plain.data) > 1024, (path, accept)
        assert "Content-Encoding" not in plain.headers
        packed = world.get(client, maya, path, Accept=accept, Accept_Encoding="br, gzip")
        assert only_member(packed.data).body == gzip.decompress(packed.data) == plain.data
        assert packed.headers["Content-Encoding"] == "gzip"
        assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
        assert described(packed) == described(plain)
        assert "Accept-Encoding" in plain.headers["Vary"]
        bearer = world.bearer(maya) | {"Accept": accept, "Accept-Encoding": "gzip"}
        head = client.head(f"/v1/{path}", headers=bearer)
        assert (head.status_code, head.data) == (200, b"")
        without_id = [each for each in head.headers if each[0] != "Request-Id"]
        assert without_id == [each for each in packed.headers if each[0] != "Request-Id"]
        tag = packed.headers["ETag"]
        for known in (tag, tag[:-1] + '-gzip"'):
            unchanged = client.get(f"/v1/{path}", headers=bearer | {"If-None-Match": known})
            assert (unchanged.status_code, unchanged.data) == (304, b"")
            assert "Content-Encoding" not in unchanged.headers


def test_short_bodies_and_problems_are_not_compressed(world: World, client: AppClient) -> None:
    ana = world.va()
    for path in ("presence", "accounts"):
        answer = world.get(client, ana, path, Accept_Encoding="gzip")
        assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, None)
    long_path = "/v1/" + "a" * 4000
    for answer in (client.get(long_path), client.get("/v1/presence")):
        assert answer.status_code >= 400
        assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(("length", "is_long"), [(1024, False), (1025, True)])
def test_the_bound_is_1_kb(length: int, is_long: bool) -> None:
    for end in (b"", b"me"):
        beginning = Beginning(partial(bytes, length - len(end)))
        assert Body(beginning, end).is_long is is_long


@pytest.mark.parametrize("view", [PEOPLE, OCCUPANCY], ids=lambda view: view.name)
@pytest.mark.parametrize("entries", [0, 40])
def test_what_a_viewer_alone_gets_is_not_compressed_with_the_rest(view: View, entries: int) -> None:
    body = rendered(entries).json(viewer(view))
    member = only_member(body.gzip())
    assert member.body == body.plain == gzip.decompress(body.gzip())
    assert member.blocks[-1] == (STORED, len(body.end))
    assert sum(length for _, length in member.blocks[:-1]) == len(body.beginning.plain)


def test_what_admins_see_does_not_change_a_vas_compressed_bytes() -> None:
    one, other = (rendered(40, name).json(viewer(OCCUPANCY)) for name in ("{}", "Secret {}"))
    assert one.gzip() == other.gzip()


def test_every_process_makes_the_same_bytes() -> None:
    make = "from tests.support.long_orgs import rendered; from models.views import PEOPLE; "
    make += "print(rendered(40).json_beginning(PEOPLE).member(b'null}').hex())"
    there = subprocess.run([sys.executable, "-c", make], cwd=ROOT, capture_output=True, check=True)
    here = rendered(40).json_beginning(PEOPLE).member(b"null}")
    assert bytes.fromhex(there.stdout.decode()) == here
    assert here[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def test_a_poll_of_2000_occupied_accounts_takes_50_kb() -> None:
    """On average, where one in ten is an admin."""
    now = rendered(2000)
    sizes = {view: len(now.json(viewer(view)).gzip()) for view in (PEOPLE, OCCUPANCY)}
    assert 0.1 * sizes[PEOPLE] + 0.9 * sizes[OCCUPANCY] < 50 * 1024
    assert sizes[OCCUPANCY] < 41 * 1000


def test_a_beginning_is_compressed_once_for_all_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    beginning = rendered(40).json_beginning(PEOPLE)
    assert not beginning.is_compressed
    beginning.prepare(as_gzip=True)
    assert beginning.is_compressed
    monkeypatch.delattr("wire.body._compress")
    beginning.prepare(as_gzip=True)
    for end in (b"a", b"b"):
        assert only_member(beginning.member(end)).body == beginning.plain + end
