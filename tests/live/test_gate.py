"""One truth: the gate answers from memory what Flask answers from the database, byte for byte."""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

import jwt
import pytest
from flask import Flask

from feeds import version_poller
from live import watch_cache
from live.application import Application
from models import Account, Membership
from services import erasing, keys, sessions, tokens
from tests.support.asgi_client import (
    Answered,
    Headers,
    ask,
    counting,
    memory_of,
    post,
    started,
    until_answered,
    until_current,
)
from tests.support.world import World, ago

REQUESTS = 500
LISTED, OTHER_ORIGIN = "https://board.example", "https://elsewhere.example"
WITHIN_SECONDS = 1.0  # contract.md, "Credentials"

ACCEPTED = (
    *("application/json", "text/plain", "text/csv", "*/*", "text/*", "image/png", ""),
    *("text/csv;q=0.5, text/plain;q=0.9", "text/csv; charset=utf-8", "nonsense;;;q=x", "text/csv,"),
    *("application/json;q=0, text/plain;q=0.1", "TEXT/PLAIN", "text/plain; charset=latin-1"),
    *("text/csv," + "a/b," * 18, "text/csv," + "a/b," * 200, "text/csv;a=" + "b" * 2000),
)
PREFERRED = (
    *("wait=0", "respond-async, wait=0", 'wait="0"', "wait", "wait=", "wait=x", "wait=-1"),
    *("wait=0.5", "waits=20", "wait 3", "await=3", "wait=1e1", ";;;", "wait=²", ""),
    "a," * 600 + "wait=1",
)
MIN_VERSIONS = ("0", "", "x", "-1", "1e9", "²", "9" * 19, "9" * 20, "9" * 5000, "+1", " 1", "0x1")
SUFFIXES = ("-gzip", "--gzip", "-br", ";gzip", "-deflate", "-zstd", "-lz4", "x")
REQUEST_IDS = ("poll-1", "A.b_C-9", "x" * 64)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PRESENCE_CORS_ORIGINS": f"{LISTED} https://third.example"}


@pytest.fixture
def unswept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sweep in the background: a test sweeps when it wants to."""
    monkeypatch.setattr("live.sweeper.start", lambda _context: threading.Event())


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory follows the database sooner than it need."""
    monkeypatch.setattr(version_poller, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(watch_cache, "READ_EVERY_SECONDS", 0.01)


class Story:
    """A world in which things happen at random, and requests at random about it."""

    def __init__(self, world: World, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = world
        self.accounts = [world.account(name) for name in ("Acme", "=Heron", "Çédille & 猫")]
        self.admins = [world.admin("Maya Chen"), world.admin("Tom Okafor")]
        self.vas = [world.va(name) for name in ("Ana Reyes", "Ben Cruz", "Eve Ngô", "Kai Ito")]
        self.members = [*self.admins, *self.vas]
        self.tags = ['W/"1.admin.json.0.1.120"']
        self.members += [self.admins[0], self.vas[0]]  # who also come with a code for one account
        self.bearers = [self._new_bearer(number) for number in range(len(self.members))]
        self.strange = self._strange_bearers()
        self.changes = 0
        self._asked: list[tuple[Headers, dict[str, Any]]] = []

    def _strange_bearers(self) -> list[str]:
        world, maya = self.world, self.admins[0]
        other = World(world.database, world.settings, "Another org")
        shut_out = world.va("Gone Away")
        bearers = [
            world.bearer(maya, ttl_seconds=-10)["Authorization"],
            world.bearer(shut_out)["Authorization"],
            other.bearer(other.va("Zoe"))["Authorization"],
            world.bearer(maya)["Authorization"].replace("Bearer ", "bearer   "),
            world.bearer(maya)["Authorization"][:-3] + "abc",
            *("", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", "Bearer é", "bearer"),
        ]
        world.deactivate(shut_out)
        claims = jwt.decode(world.token(maya), options={"verify_signature": False})
        kid, right = keys.signing_key(world.settings)
        for key, changed in (
            (b"k" * 40, {}),
            (right, {"mid": str(self.vas[0].id)}),
            (right, {"org": str(other.id)}),
            (right, {"gen": 7}),
            (right, {"iss": "other"}),
            (right, {"org": "nonsense"}),
        ):
            raw = jwt.encode({**claims, **changed}, key, algorithm="HS256", headers={"kid": kid})
            bearers.append(f"Bearer {raw}")
        return bearers

    def _new_bearer(self, number: int) -> str:
        account = self.accounts[0] if number >= len(self.members) - 2 else None
        return self.world.bearer(self.members[number], account=account)["Authorization"]

    def change(self) -> None:
        """Something happens in the org."""
        act = self.random.choice(
            [
                *[self._clock] * 6,
                *[self._sweep] * 2,
                *[self._rename] * 2,
                self._change_role,
                self._revoke,
                self._sign_out,
                self._rename_account,
            ]
        )
        act()
        self.changes += 1

    def _clock(self) -> None:
        account, member = self.random.choice(self.accounts), self.random.choice(self.members)
        if any(held.user_id == member.user_id for held in self.world.held()):
            self.world.clock_out(member)
        elif all(held.account_id != account.id for held in self.world.held()):
            self.world.clock_in(member, account, self.random.choice([None, ago(600)]))

    def _sweep(self) -> None:
        self.world.sweep()

    def _rename(self) -> None:
        name = f"Ana {self.random.randrange(1000)} Ü, =x"
        self.world.rename_member(self.random.choice(self.members), name)

    def _rename_account(self) -> None:
        account: Account = self.random.choice(self.accounts)
        self.world.rename_account(account, f"@ccount {self.random.randrange(1000)}")

    def _change_role(self) -> None:
        member: Membership = self.random.choice(self.vas)
        now = self.world.member_now(member).role
        self.world.change_role(member, "va" if now == "admin" else "admin")

    def _revoke(self) -> None:
        member: Membership = self.random.choice(self.members)
        self.world.revoke_tokens(member)
        for number in range(len(self.members)):
            if self.members[number] is member:
                self._come_back(number)

    def _sign_out(self) -> None:
        number = self.random.randrange(len(self.members))
        claims = tokens.in_header(self.bearers[number], self.world.settings).claims
        with self.world.changing_member(self.members[number]) as (change, found):
            if self.random.random() < 0.5:
                sessions.sign_out(change, found, claims.session_id)
            else:
                sessions.revoke(change, found, claims.session_id, actor=None)
        self._come_back(number)

    def _come_back(self, number: int) -> None:
        self.strange.append(self.bearers[number])
        self.bearers[number] = self._new_bearer(number)

    def request(self) -> tuple[Headers, dict[str, Any]]:
        """Headers in any order, and what else the request has: anew, or as before."""
        if self._asked and self.random.random() < 0.4:
            return self.random.choice(self._asked[-5:])
        return self._new_request()

    def saw(self, headers: Headers, options: dict[str, Any], answered: Answered) -> None:
        """The next request may ask again, with the tag of this answer."""
        if answered.status == 200:
            self.tags.append(answered.tag)
            others = [each for each in headers if each[0].lower() != b"if-none-match"]
            tagged = (b"If-None-Match", answered.tag.encode())
            self._asked.append(([*others, tagged], options))

    def _new_request(self) -> tuple[Headers, dict[str, Any]]:
        chance, choice = self.random.random, self.random.choice
        headers = [("Host", "localhost:8000")]
        if chance() < 0.97:
            pool = self.bearers if chance() < 0.85 else self.strange
            headers.append(("Authorization", choice(pool)))
        for name, likely, make in (
            ("If-None-Match", 0.8, self._if_none_match),
            ("Accept", 0.4, lambda: choice(ACCEPTED)),
            ("Prefer", 0.2, lambda: choice(PREFERRED)),
            ("Origin", 0.3, lambda: choice([LISTED, OTHER_ORIGIN, "null", "", f"{LISTED}, x"])),
            ("Presence-Min-Version", 0.2, self._min_version),
            ("Accept-Encoding", 0.2, lambda: "gzip, br"),
            ("If_None_Match", 0.02, lambda: "*"),
            ("Cookie", 0.05, lambda: "a=b"),
            ("Content-Type", 0.02, lambda: "application/json"),
        ):
            if chance() < likely:
                headers.append((name, make()))
        if chance() < 0.05:
            headers.append(choice(headers))
        headers.append(("Request-Id", choice(REQUEST_IDS)))
        self.random.shuffle(headers)
        method = choice(["GET"] * 8 + ["HEAD"] * 2)
        options: dict[str, Any] = {"method": method}
        if chance() < 0.03:
            options["query"] = choice([b"a=1", b"a", b"=", b"&&", b"wait=3", b"a=1&a=2", b"%ff"])
        if chance() < 0.03:
            options["body"] = choice([b"{}", b'{"a": 1}', b"[", b"x=y", b'"\xff"'])
            headers.append(("Content-Length", str(len(options["body"]))))
        encoded = [(name.encode(), value.encode("utf-8")) for name, value in headers]
        return encoded, options

    def _if_none_match(self) -> str:
        tag = self.random.choice(self.tags[-12:])
        weak, opaque = ("W/", tag.removeprefix("W/").strip('"'))
        version = opaque.split(".")[4]
        newer = opaque.replace(version, str(int(version) + self.random.choice([1, 10**6, 10**13])))
        older = opaque.replace(version, str(int(version) - 1))
        suffix = self.random.choice(SUFFIXES)
        return self.random.choice(
            [
                *[tag] * 8,
                f'"{opaque}"',
                f'{weak}"{newer}"',
                f'{weak}"{older}"',
                f'{weak}"{opaque}{suffix}"',
                f'"a", {weak}"{older}",{tag}',
                f'{weak}"{newer}-gzip", {tag}',
                self.random.choice(["*", " * ", "", "**", opaque, '""', f"{tag}, *", "é"]),
            ]
        )

    def _min_version(self) -> str:
        org = self.world.org()
        now = self.random.choice([org.version, org.va_version])
        sane = now + self.random.choice([0, 0, -1, 1, 10**6])
        return self.random.choice([str(sane), self.random.choice(MIN_VERSIONS)])


def without_date(answered: Answered) -> tuple[int, Headers, bytes]:
    headers = [(name.lower(), value) for name, value in answered.headers]
    return answered.status, [each for each in headers if each[0] != b"date"], answered.body


def answered_by(application: Application) -> int:
    """How many polls the gate has answered, not left to Flask."""
    return sum(application.counters.judged.values()) + application.counters.by_gate


@pytest.mark.usefixtures("unswept", "hurried")
def test_the_gate_and_flask_tell_one_truth(world: World, app: Flask) -> None:
    story = Story(world, seed=7)
    statuses: list[int] = []

    async def tell() -> None:
        async with started(app) as application:
            before = answered_by(application)
            for number in range(REQUESTS):
                if number % 6 == 0:
                    story.change()
                    await until_current(application, world)
                headers, options = story.request()
                by_gate = await ask(application, headers, **options)
                by_flask = await ask(application.gate._flask, headers, **options)
                assert without_date(by_gate) == without_date(by_flask), (headers, options)
                statuses.append(by_gate.status)
                story.saw(headers, options, by_gate)
            assert answered_by(application) - before > 0.7 * REQUESTS

    asyncio.run(tell())
    assert story.changes > REQUESTS / 10
    for status, least in ((200, 0.3), (304, 0.15), (401, 0.08), (422, 0.01)):
        assert statuses.count(status) > least * REQUESTS, (status, statuses.count(status))


def run(app: Flask, tell: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        async with started(app) as application:
            await tell(application)

    asyncio.run(told())


def test_a_client_sees_its_own_write_at_once(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana)

    async def tell(application: Application) -> None:
        for number in range(10):
            await ask(application, bearer)
            path = "clock-out" if number % 2 else "clock-in"
            body = {} if number % 2 else {"account_id": str(acme.id)}
            version = (await post(application, bearer, path, **body)).header("presence-version")
            seen = await ask(application, bearer | {"presence-min-version": str(version)})
            assert str(seen.json["version"]) == version
            assert (seen.json["me"] is None) is bool(number % 2)

    run(app, tell)


@pytest.mark.usefixtures("unswept")
def test_a_tag_newer_than_memory_is_judged_by_the_database(world: World, app: Flask) -> None:
    ana, acme = world.va(), world.account()
    bearer = world.bearer(ana) | {"request-id": "poll-1"}

    async def tell() -> None:
        application = Application(app)  # its feed was never started
        application.cache.lease_until = monotonic() + 3600
        old = await ask(application, bearer)
        world.clock_in(ana, acme)
        new = await ask(application.gate._flask, bearer)
        assert old.tag != new.tag
        assert (await ask(application, bearer | {"if-none-match": old.tag})).status == 304
        # Another worker answered with the new tag: here it matches as well, and never again
        # the old one.
        assert (await ask(application, bearer | {"if-none-match": new.tag})).status == 304
        assert without_date(await ask(application, bearer)) == without_date(new)
        assert (await ask(application, bearer | {"if-none-match": old.tag})).status == 200

    asyncio.run(tell())


@pytest.mark.usefixtures("unswept")
def test_unchanged_polls_run_no_statement(world: World, app: Flask) -> None:
    bearers = [world.bearer(world.va()), world.bearer(world.admin())]
    database = app.extensions["presence"].database

    async def tell(application: Application) -> None:
        asked = [b | {"if-none-match": (await ask(application, b)).tag} for b in bearers]
        for _ in range(3):  # on a busy machine the feed's lease may end once
            with counting(database) as statements:
                for number in range(100):
                    for bearer in asked:
                        assert (await ask(application, bearer)).status == 304
                    plain = bearers[number % 2] | {"accept": "text/csv" if number % 3 else "*/*"}
                    assert (await ask(application, plain)).status == 200
            if not statements:
                break
        assert statements == []

    run(app, tell)


ENDS: dict[str, tuple[Callable[[World, Membership], None], int, str]] = {
    "revoked": (lambda world, ana: world.revoke_tokens(ana), 401, "revoked"),
    "deactivated": (lambda world, ana: world.deactivate(ana), 401, "deactivated"),
    "demoted": (lambda world, ana: world.change_role(ana, "va"), 200, "va"),
    "erased": (lambda world, ana: world.erase(ana), 401, "revoked"),
    "signed out": (lambda world, ana: world.sign_out(ana), 401, "signed_out"),
    "session ended": (lambda world, ana: world.end_session(ana), 401, "revoked"),
    "org erased": (lambda world, ana: erase_org(world), 401, "revoked"),
}


def erase_org(world: World) -> None:
    with world.changing() as change:
        erasing.erase_org(change)


@pytest.mark.usefixtures("unswept")
@pytest.mark.parametrize("end", ENDS)
def test_an_end_shows_within_a_second(world: World, app: Flask, end: str) -> None:
    world.admin("Maya Chen")
    ana = world.admin("Ana Reyes")
    bearer, (act, status, word) = world.bearer(ana) | {"request-id": "poll-1"}, ENDS[end]

    async def tell(application: Application) -> None:
        asked = bearer | {"if-none-match": (await ask(application, bearer)).tag}
        assert (await ask(application, asked)).status == 304
        act(world, ana)
        seen = await until_answered(
            lambda answered: answered.status != 304,
            lambda: ask(application, asked),
            WITHIN_SECONDS,
        )
        assert (seen.status, seen.json.get("reason") or seen.json["view"]) == (status, word)
        assert without_date(seen) == without_date(await ask(application.gate._flask, asked))

    run(app, tell)


def test_the_memory_of_a_test_is_the_gates(world: World, app: Flask) -> None:
    """The other tests would say little if the gate had handed everything down."""

    async def tell(application: Application) -> None:
        bearer = world.bearer(world.va())
        by_flask = application.counters.delegated.copy()
        assert (await ask(application, bearer)).status == 200
        assert memory_of(application, world).state is not None
        assert application.counters.delegated == by_flask

    run(app, tell)
