"""A heartbeat that the gate answers is answered byte for byte as Flask answers it."""

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from flask import Flask

from schemas.presence import HeartbeatRequest
from tests.support.asgi_client import Answered, ask, started, without_date
from tests.support.beats import as_headers, became, remember
from tests.support.services import service
from tests.support.world import World, ago

LISTED = "https://board.example"


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_CORS_ORIGINS": f"{LISTED} https://third.example"}


class Scene:
    """Ana is on an account, and has sent no heartbeat for a minute; others are not so well."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.acme, self.bolt = world.account("Acme"), world.account("Bolt")
        self.ana, self.ben, self.eve = (world.va(name) for name in ("Ana", "Ben", "Eve"))
        self.kai, self.lea, self.maya = world.va("Kai"), world.va("Lea"), world.admin()
        self.stale = world.stale(self.ben, self.bolt).presence_id
        self.fresh = world.clock_in(self.ana, self.acme, ago(60)).presence_id
        self.ended = world.clock_in(self.eve, world.account("Cedar")).presence_id
        world.clock_out(self.eve)
        self.expired = world.expired(self.kai, world.account("Dune")).presence_id
        self.mayas = world.clock_in(self.maya, world.account("Elm"), ago(60)).presence_id
        self.bound = world.bearer(self.ana, account=self.acme)
        self.elsewhere = world.bearer(self.ana, account=self.bolt)
        self.signed_out = world.bearer(self.lea)
        world.sign_out(self.lea)
        self.service = service(world, "presence:read").bearer

    def bearer(self, **options: Any) -> dict[str, str]:
        return self.world.bearer(self.ana, **options)


class Case(NamedTuple):
    """
    :ivar status: as contract.md has it
    :ivar is_gates: whether memory is enough for it
    :ivar more: headers beyond a token of Ana's, or instead of them
    """

    status: int
    is_gates: bool = False
    who: Callable[[Scene], dict[str, str]] = Scene.bearer
    presence: Callable[[Scene], Any] = lambda scene: scene.fresh
    body: Callable[[str], bytes] = lambda id_: json.dumps({"presence_id": id_}).encode()
    more: dict[str, Any] = {}  # noqa: RUF012 - never changed
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


def text(form: str) -> Callable[[str], bytes]:
    return lambda id_: form.replace("ID", id_).encode()


CASES = {
    "good": Case(204, True),
    "admin's": Case(204, True, lambda s: s.world.bearer(s.maya), lambda s: s.mayas),
    "code for its account": Case(204, True, lambda s: s.bound),
    "newer client": Case(204, True, body=text('{"new": [1.5, null], "presence_id": "ID"}')),
    "capitals": Case(204, True, body=lambda id_: text('{"presence_id": "ID"}')(id_.upper())),
    "with charset": Case(204, True, more={"content-type": "Application/JSON; charset=UTF-8"}),
    "listed origin": Case(204, True, more={"origin": LISTED}),
    "another origin": Case(204, True, more={"origin": "https://elsewhere.example"}),
    "own token, org named": Case(204, True, more={"presence-org": "nonsense"}),
    "keyed": Case(204, True, more={"idempotency-key": "x" * 100}),
    "odd request id": Case(204, True, more={"request-id": "é"}),
    "two request ids": Case(204, True, more={"request-id": ["a", "b"]}),
    "underscores": Case(204, True, more={"content_type": "text/plain", "content_encoding": "br"}),
    "stale": Case(204, False, lambda s: s.world.bearer(s.ben), lambda s: s.stale),
    "ended": Case(410, False, lambda s: s.world.bearer(s.eve), lambda s: s.ended),
    "expired": Case(410, False, lambda s: s.world.bearer(s.kai), lambda s: s.expired),
    "another's": Case(410, presence=lambda s: s.mayas),
    "nobody's": Case(410, presence=lambda _: uuid4()),
    "code for another account": Case(403, False, lambda s: s.elsewhere),
    "service": Case(403, False, lambda s: s.service),
    "no token": Case(401, False, lambda _: {}),
    "bad token": Case(401, False, lambda _: {"Authorization": "Bearer x.y.z"}),
    "expired token": Case(401, False, lambda s: s.bearer(ttl_seconds=-1)),
    "signed out": Case(401, False, lambda s: s.signed_out),
    "two tokens": Case(401, more={"authorization": ["Bearer a", "Bearer b"]}),
    "no body": Case(422, body=text("")),
    "no id": Case(422, body=text("{}")),
    "no object": Case(422, body=text('["ID"]')),
    "no text": Case(422, body=text('{"presence_id": 7}')),
    "braces": Case(422, body=text('{"presence_id": "{ID}"}')),
    "hexadecimal": Case(422, body=lambda id_: text('{"presence_id": "ID"}')(id_.replace("-", ""))),
    "no JSON": Case(400, body=text('{"presence_id": "ID"')),
    "said twice": Case(400, body=text('{"presence_id": "ID", "presence_id": "ID"}')),
    "constant": Case(400, body=text('{"presence_id": "ID", "a": NaN}')),
    "byte order mark": Case(400, body=text('\ufeff{"presence_id": "ID"}')),
    "no UTF-8": Case(400, body=lambda id_: text('{"presence_id": "ID", "')(id_) + b'\xff": 1}'),
    "deep": Case(204, True, body=text('{"presence_id": "ID", "a": ' + "[" * 99 + "]" * 99 + "}")),
    "deeper": Case(400, body=text('{"presence_id": "ID", "a": ' + "[" * 20_000)),
    "long": Case(204, body=text('{"presence_id": "ID", "a": "' + "x" * 2000 + '"}')),
    "too long": Case(413, body=text("x" * 70_000)),
    "no type": Case(415, more={"content-type": []}),
    "other type": Case(415, more={"content-type": "text/plain"}),
    "type inside": Case(415, more={"content-type": "application/ json"}),
    "other charset": Case(415, more={"content-type": "application/json; charset=latin-1"}),
    "two types": Case(415, more={"content-type": ["application/json", "application/json"]}),
    "coded": Case(415, body=lambda id_: gzip.compress(text('{"presence_id": "ID"}')(id_)),
                  more={"content-encoding": "gzip"}),
    "chunks": Case(204, more={"content-length": [], "transfer-encoding": "chunked"}),
    "expecting": Case(204, more={"expect": "100-continue"}),
    "upgrade": Case(204, more={"upgrade": "h2c"}),
    "query": Case(422, options={"query": b"a=1"}),
    "path": Case(404, options={"path": "/v1/heartbeat/"}),
    "method": Case(405, options={"method": "PUT"}),
}  # fmt: skip


def test_the_gate_and_flask_answer_heartbeats_alike(world: World, app: Flask) -> None:
    scene = Scene(world)

    async def tell() -> None:
        async with started(app) as application:
            await remember(application, world, scene.bearer())
            for name, case in CASES.items():
                body = case.body(str(case.presence(scene)))
                headers = {
                    **{key.lower(): value for key, value in case.who(scene).items()},
                    "content-type": "application/json",
                    "content-length": str(len(body)),
                    "request-id": "beat-1",
                    **case.more,
                }
                options = {"method": "POST", "path": "/v1/heartbeat", "body": body} | case.options
                asked = as_headers(headers)
                with became(application) as outcomes:
                    by_gate = await ask(application, asked, **options)
                by_flask = await ask(application.flask, asked, **options)
                assert by_gate.status == case.status, (name, by_gate)
                assert comparable(by_gate) == comparable(by_flask), name
                assert [each.by for each in outcomes] == ["gate"] * case.is_gates + ["flask"] * (
                    not case.is_gates and not case.options.keys() & {"path", "method"}
                ), name

    asyncio.run(tell())


def comparable(answered: Answered) -> tuple[Any, ...]:
    """Without what is made up anew for each answer."""
    status, headers, body = without_date(answered)
    made_up = answered.header("request-id") or ""
    if made_up != "beat-1":
        assert len(made_up) == 32
        headers = [(n, b"made up" if n == b"request-id" else v) for n, v in headers]
        body = body.replace(made_up.encode(), b"made up")
    return status, headers, body


def test_the_gate_knows_all_that_a_heartbeat_may_say() -> None:
    """A field that means something has to mean it to live/beat.py as well."""
    assert set(HeartbeatRequest().fields) == {"presence_id"}
