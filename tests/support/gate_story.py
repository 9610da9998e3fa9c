"""A world in which things happen at random, and random polls about it."""

import random
from typing import Any

import jwt

from models import Account, Membership
from services import ending_sessions, keys, tokens
from services.times import utc_now
from tests.support.asgi_client import Answered, Headers
from tests.support.services import remove, service
from tests.support.world import World, ago
from wire.authorization import bearer_in

LISTED, OTHER_ORIGIN = "https://board.example", "https://elsewhere.example"


ACCEPTED = (
    *("application/json", "text/plain", "text/csv", "*/*", "text/*", "image/png", ""),
    *("application/x-ndjson", "text/csv;q=0.8, application/x-ndjson;q=0.9"),
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
CODINGS = (
    *["gzip, deflate, br, zstd"] * 4,
    *("gzip", "identity", "", "gzip;q=0, *", "br", "*", "gzip;q=x"),
    *("x-gzip;q=0.2", "gzip," + "a" * 2000, "a," * 20 + "gzip"),
)
SUFFIXES = ("-gzip", "--gzip", "-br", ";gzip", "-deflate", "-zstd", "-lz4", "x")
REQUEST_IDS = ("poll-1", "A.b_C-9", "x" * 64)


class Story:
    """A world in which things happen at random, and requests at random about it."""

    def __init__(self, world: World, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = world
        self.accounts = [world.account(name) for name in ("Acme", "=Heron", "Çédille & 猫")]
        self.admins = [world.admin("Maya Chen"), world.admin("Tom Okafor")]
        self.vas = [world.va(name) for name in ("Ana Reyes", "Ben Cruz", "Eve Ngô", "Kai Ito")]
        self.members = [*self.admins, *self.vas]
        for name in ("Ivy", "Leo", "Zed"):  # who stay: bodies are shorter than 1 KB, and longer
            world.clock_in(world.va(name), world.account(f"Of {name}"))
        self.tags = ['W/"1.admin.json.0.1.120"']
        self.members += [self.admins[0], self.vas[0]]  # who also come with a code for one account
        self.bearers = [self._new_bearer(number) for number in range(len(self.members))]
        self.services = [service(world, "presence:read"), service(world)]
        self.strange = self._strange_bearers()
        self.changes = 0
        self._asked: list[tuple[Headers, dict[str, Any]]] = []

    def _strange_bearers(self) -> list[str]:
        world, maya = self.world, self.admins[0]
        other = World(world.database, world.settings, "Another org")
        shut_out, gone = world.va("Gone Away"), service(world)
        bearers = [
            world.bearer(maya, ttl_seconds=-10)["Authorization"],
            world.bearer(shut_out)["Authorization"],
            service(world, "history:read", "directory:write").bearer["Authorization"],
            service(other).bearer["Authorization"],
            gone.bearer["Authorization"],
            other.bearer(other.va("Zoe"))["Authorization"],
            world.bearer(maya)["Authorization"].replace("Bearer ", "bearer   "),
            world.bearer(maya)["Authorization"][:-3] + "abc",
            *("", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", "Bearer é", "bearer"),
        ]
        world.deactivate(shut_out)
        remove(world, gone)
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
                self._replace_service,
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

    def _replace_service(self) -> None:
        gone = self.services.pop(0)
        remove(self.world, gone)
        self.strange.append(gone.bearer["Authorization"])
        self.services.append(service(self.world, "presence:read"))

    def _sign_out(self) -> None:
        number = self.random.randrange(len(self.members))
        claims = tokens.verify(
            bearer_in(self.bearers[number]), self.world.settings, now=utc_now()
        ).claims
        with self.world.changing_member(self.members[number]) as (change, found):
            if self.random.random() < 0.5:
                ending_sessions.sign_out(change, found, claims.session_id)
            else:
                ending_sessions.revoke(change, found, claims.session_id, actor=None)
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
            robots = [each.bearer["Authorization"] for each in self.services]
            pool = [*self.bearers, *robots] if chance() < 0.85 else self.strange
            headers.append(("Authorization", choice(pool)))
        for name, likely, make in (
            ("If-None-Match", 0.8, self._if_none_match),
            ("Accept", 0.4, lambda: choice(ACCEPTED)),
            ("Prefer", 0.2, lambda: choice(PREFERRED)),
            ("Origin", 0.3, lambda: choice([LISTED, OTHER_ORIGIN, "null", "", f"{LISTED}, x"])),
            ("Presence-Min-Version", 0.2, self._min_version),
            ("Accept-Encoding", 0.4, lambda: choice(CODINGS)),
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
        if chance() < 0.06:
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
