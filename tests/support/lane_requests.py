"""What a client may send over a connection, at random from a seed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import note
from hypothesis import strategies as st

from models.views import VIEWS
from tests.support.lane_streams import LISTED, Side, Truth, settle
from tests.support.lane_tokens import ANOTHER_ORG, ISSUER_KEY, ORG, USERS, Clock, Keys
from tests.support.messages import answers, read

# What a poll may differ in: its request line, headers after the usual ones, what follows, and
# what goes before.
GET = b"GET /v1/presence HTTP/1.1"
SHAPES: list[tuple[bytes, tuple[bytes, ...], bytes, bytes]] = [
    (GET, (), b"", b""),
    (GET, (b"Origin: " + LISTED.encode(),), b"", b""),
    (GET, (b"Accept: application/json", b"Accept-Encoding: gzip", b"Cookie: a=b"), b"", b""),
    (GET, (b"Request-Id: poll-1",), b"", b""),
    (GET, (b"Request-Id: no id", b"Origin: " + LISTED.encode()), b"", b""),
    (GET, (b"Request-Id: poll-1", b"request-id: poll-2"), b"", b""),
    (GET, (b"Connection: close",), b"", b""),
    (GET, (b"Connection: keep-alive",), b"", b""),
    (GET, (b"Connection: Keep-Alive, Upgrade", b"Upgrade: websocket"), b"", b""),
    (GET, (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"), b"\r\n\r\n", b""),
    (GET, (b"Upgrade: websocket",), b"", b""),
    (GET, (b"Expect: 100-continue",), b"", b""),
    (GET, (b"Expect: 100-continue", b"Content-Length: 4"), b"\r\n\r\n", b""),
    (GET, (b"Content-Length: 0",), b"", b""),
    (GET, (b"Content-Length: 4",), b"\r\n\r\n", b""),
    (GET, (b"Content-Length: 9",), b"body\r\n\r\n", b""),
    (GET, (b"Transfer-Encoding: chunked",), b"4\r\nbody\r\n0\r\n\r\n", b""),
    (GET, (b"Transfer-Encoding: chunked",), b"0\r\n\r\n", b""),
    (GET, (b"Transfer-Encoding: chunked",), b"4\r\n\r\n\r\n", b""),
    (GET, (b"Prefer: wait=30",), b"", b""),
    (GET, (b"Prefer: wait=0",), b"", b""),
    (GET, (b"Presence-Min-Version: 5",), b"", b""),
    (GET, (b"Presence-Min-Version: 9999999999",), b"", b""),
    (GET, (b"Origin: x", b"Origin: x"), b"", b""),
    (GET, (b"Presence-Org: %s" % str(ORG).encode(),), b"", b""),
    (GET, (b"Presence-Org: %s" % str(ANOTHER_ORG).encode(),), b"", b""),
    (GET, (b"Presence-Org: acme",), b"", b""),
    (GET, (b"Presence-Org: %s" % str(ORG).encode(),) * 2, b"", b""),
    (GET, (), b"\r\n", b""),
    (GET, (), b"\r\n\r\n", b""),
    (GET, (), b"", b"\r\n"),
    (GET, (), b"", b"\r\n\r\n"),
    (GET, (), b"G", b""),
    (GET, (), b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    (GET, (), b"GET / HTTP/1.1\r\n\r\n", b""),
    (b"GET /v1/presence HTTP/1.0", (), b"", b""),
    (b"GET /v1/presence HTTP/1.0", (b"Connection: keep-alive",), b"", b""),
    (b"GET /v1/presence?a=1 HTTP/1.1", (), b"", b""),
    (b"GET /v1/%70resence HTTP/1.1", (), b"", b""),
    (b"GET http://x/v1/presence HTTP/1.1", (), b"", b""),
    (b"GET /v1/accounts HTTP/1.1", (), b"", b""),
    (b"GET /close HTTP/1.1", (), b"", b""),
    (b"HEAD /v1/presence HTTP/1.1", (), b"", b""),
    (b"OPTIONS /v1/presence HTTP/1.1", (), b"", b""),
    (b"POST /v1/clock-out HTTP/1.1", (b"Content-Length: 2",), b"{}", b""),
    (
        b"POST /v1/clock-out HTTP/1.1",
        (b"Transfer-Encoding: chunked",),
        b"2\r\n{}\r\n0\r\n\r\n",
        b"",
    ),
]
GARBAGE = [
    *(b"\r\n", b"\n", b"\r\n\r\n", b"\r", b"G", b"\x00", b"GET / HTTP/1.1\r\n", b" ", b"\xff"),
    *(b"GET", b"0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01", b": x\r\n\r\n"),
    *(b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"X-A: b\r\n\r\n", b"body"),
]


class Stream:
    """What one client sends, and what happens meanwhile."""

    numbers = st.binary(min_size=8, max_size=28).map(
        lambda drawn: [int.from_bytes(drawn[at : at + 2]) for at in range(0, len(drawn) - 1, 2)]
    )

    def __init__(self, sides: tuple[Side, Side], truth: Truth) -> None:
        self.sides = sides
        self.truth = truth
        self.last = self.poll_of(0, SHAPES[0])
        self.ticks = 0
        self.sent = b""

    @property
    def steps(self) -> "list[Step]":
        return STEPS

    async def step(self, number: int) -> None:
        """Do one thing; both sides must have said the same at its end."""
        Clock.now += 0.001
        number, act = divmod(number, len(self.steps))
        note(f"{self.steps[act].__name__} {number}")
        await self.steps[act](self, number)
        await settle(*self.sides)
        lane, plain = self.sides
        assert lane.seen == plain.seen

    def send(self, data: bytes) -> None:
        self.sent += data
        for side in self.sides:
            side.transport.receive(data)

    def compare(self) -> None:
        """Both sides have one reader: hold it against the model of RFC 9112."""
        transport = self.sides[0].transport
        model = read(self.sent)
        methods = [message.method for message in model.messages]
        found = answers(bytes(transport.written), methods)
        if not transport.is_closed:
            # A refusal waits for the answers before it, and those may wait for a change.
            assert model.refused is None or len(found) < len(model.messages)
            assert len(found) <= len(model.messages)
        else:
            assert len(found) <= len(model.messages) + 1
        for answer, message in zip(found, model.messages, strict=False):
            if answer.status == 200 and answer.body.startswith(b"("):  # what stands for Flask
                assert answer.body.endswith(repr(message.body).encode() + b")")

    async def poll(self, number: int) -> None:
        self.last = self.poll_of(number, SHAPES[0])
        self.send(self.last)

    async def shaped(self, number: int) -> None:
        number, shape = divmod(number, len(SHAPES))
        self.last = self.poll_of(number, SHAPES[shape])
        self.send(self.last)

    def poll_of(self, number: int, shape: tuple[bytes, tuple[bytes, ...], bytes, bytes]) -> bytes:
        line, headers, after, before = shape
        number, who = divmod(number, len(USERS))
        bearer = sorted(USERS)[who]
        tag = self.truth.tag(bearer) if number % 8 != 7 else 'W/"old"'
        lines = [line, b"Host: x", b"Authorization: Bearer " + bearer.encode()]
        lines += [b"If-None-Match: " + tag.encode(), *headers]
        return before + b"\r\n".join(lines) + b"\r\n\r\n" + after

    async def again(self, _number: int) -> None:
        self.send(self.last)

    async def burst(self, number: int) -> None:
        for _ in range(2 + number % 3):
            self.send(self.last)

    async def joined(self, number: int) -> None:
        self.send(self.last * (2 + number % 2))

    async def cut(self, number: int) -> None:
        at = number % (len(self.last) + 1)
        self.send(self.last[:at])
        if number % 2:
            await settle(*self.sides)
        self.send(self.last[at:])

    async def begun(self, number: int) -> None:
        """The start of a request, which the next chunk goes on with."""
        self.send(self.last[: number % len(self.last)])

    async def overlapping(self, number: int) -> None:
        """The end of one chunk is the start of the next request."""
        at = number % len(self.last)
        self.send(self.last + self.last[:at])
        self.send(self.last[at:])

    async def mutated(self, number: int) -> None:
        at, byte = number % len(self.last), (number // 7) % 256
        self.send(self.last[:at] + bytes([byte]) + self.last[at + 1 :])

    async def garbage(self, number: int) -> None:
        self.send(GARBAGE[number % len(GARBAGE)])

    async def version(self, number: int) -> None:
        """Something changes: for the admins, or for all."""
        for view in VIEWS[: 1 + number % 2]:
            self.truth.versions[view] += 1
        await self.announce(number // 2)

    async def member(self, number: int) -> None:
        """A member's role, generation or activity changes, or the member is erased."""
        id_ = USERS[("ana", "maya")[number % 2]]
        to = (
            *({"role": "admin"}, {"role": "va"}, {"token_generation": 1}, {"active": False}),
            *(None, {"tokens_valid_from": datetime.fromtimestamp(1, UTC)}),
        )
        chosen = to[number // 2 % len(to)]
        if chosen is None:
            self.truth.members.pop(id_, None)
        else:
            self.truth.change_member(id_, **chosen)
        await self.announce(number // 12)

    async def announce(self, number: int) -> None:
        self.truth.changed()
        for side in self.sides:
            if number % 4 == 0:
                side.cache.invalidate_all()
            elif number % 4 == 1:  # unheard, as the lease tells
                side.cache.lease_until = 0.0
            else:
                side.cache.invalidate([ORG])

    async def moved(self, number: int) -> None:
        """Everybody is a member of another org too, or no more; perhaps a look finds it."""
        self.truth.is_in_two_orgs = number % 2 == 0
        self.truth.changed()
        await self.look(number)

    async def look(self, number: int) -> None:
        if number % 4 < 3:
            for side in self.sides:
                await side.user_orgs.look()

    async def keys(self, number: int) -> None:
        """The issuer's key leaves its set, or comes back."""
        Keys.are_known = number % 3 != 0
        for side in self.sides:
            side.tokens.forget_keys("issuer", [] if Keys.are_known else [ISSUER_KEY])
            side.cache.judge_anew([ORG])

    async def erased(self, number: int) -> None:
        self.truth.is_there = number % 2 == 1
        await self.announce(number // 2)

    async def lapse(self, number: int) -> None:
        for side in self.sides:
            side.cache.lease_until = Clock.now + (0.0, 0.002, 1e9)[number % 3]

    async def away(self, number: int) -> None:
        """The database goes away just after a change, or comes back."""
        self.truth.is_away = number % 2 == 0
        await self.version(number // 2)

    async def drop(self, _number: int) -> None:
        for side in self.sides:
            for org in side.cache.orgs.values():
                org.polled_at = -1e9
            side.cache.drop_unwatched()

    async def pass_time(self, number: int) -> None:
        Clock.now += (0.5, 9.0, 900.0)[number % 3]

    async def new_date(self, _number: int) -> None:
        self.ticks += 1
        for side in self.sides:
            side.state.default_headers = [(b"date", b"frozen %d" % self.ticks)]

    async def writing(self, number: int) -> None:
        """The client does not read, or reads again, perhaps asking at that moment."""
        if number % 4 == 0:  # something that the lane has not met, or it would be quicker
            self.ticks += 1
            self.last = self.poll_of(number // 4, (GET, (b"X-Tick: %d" % self.ticks,), b"", b""))
            self.send(self.last)
        for side in self.sides:
            if number % 4 == 0 or number % 4 == 1:
                side.protocol.pause_writing()
            else:
                side.protocol.resume_writing()
        if number % 4 == 3:
            await self.new_date(0)
            self.send(self.last)

    async def stop(self, _number: int) -> None:
        for side in self.sides:
            side.protocol.shutdown()


Step = Callable[[Any, int], Any]
STEPS: list[Step] = [
    *[Stream.again] * 14,
    *[Stream.poll] * 5,
    *[Stream.shaped] * 4,
    *[Stream.burst] * 2,
    *[Stream.version] * 2,
    *[Stream.member] * 2,
    Stream.joined,
    Stream.cut,
    Stream.begun,
    Stream.overlapping,
    Stream.mutated,
    Stream.garbage,
    Stream.erased,
    Stream.moved,
    Stream.look,
    Stream.keys,
    Stream.lapse,
    Stream.drop,
    Stream.away,
    *[Stream.pass_time] * 2,
    Stream.new_date,
    *[Stream.writing] * 3,
    Stream.stop,
]
