"""What happens at once: threads on two servers' worth of connections, on committed data."""

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

import dev
from app import create_app
from live import sweeper
from models import Account, Membership
from routes import write_limit
from services import callers, clocking, expiry, presences
from services.change import changing
from services.errors import AccountOccupied
from services.rate_limits import Limit
from services.times import utc_now
from settings import Settings
from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem
from tests.support.world import World

ROUNDS = 100
BOUND_SECONDS = 60  # nothing here takes so long, unless it hangs

Job = Callable[[], Any]


class Threads:
    """Threads that start together; their ends are awaited and their errors raised."""

    def __init__(self, *jobs: Job) -> None:
        self.results: list[Any] = [None] * len(jobs)
        self._errors: list[Exception] = []
        self._start = threading.Barrier(len(jobs))
        self._threads = [
            threading.Thread(target=self._run, args=(index, job), daemon=True)
            for index, job in enumerate(jobs)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> list[Any]:
        give_up = time.monotonic() + BOUND_SECONDS
        for thread in self._threads:
            thread.join(max(0, give_up - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), "a thread hangs"
        if self._errors:
            raise ExceptionGroup("in the threads", self._errors)
        return self.results

    def _run(self, index: int, job: Job) -> None:
        try:
            self._start.wait(BOUND_SECONDS)
            self.results[index] = job()
        except Exception as error:
            self._errors.append(error)


def at_once(*jobs: Job) -> list[Any]:
    """The results of ``jobs``, each in a thread."""
    return Threads(*jobs).join()


@contextmanager
def meanwhile(*jobs: Job) -> Iterator[None]:
    """Do each of ``jobs`` in a thread, again and again, at least once, until the block ends."""
    stop = threading.Event()

    def repeat(job: Job) -> None:
        job()
        while not stop.is_set():
            job()

    threads = Threads(*(partial(repeat, job) for job in jobs))
    try:
        yield
    finally:
        stop.set()
        threads.join()


class Clock:
    """What all threads of a test take for the time; it moves on at each look."""

    def __init__(self, start: datetime, step: timedelta) -> None:
        self.set(start, step)

    def set(self, start: datetime, step: timedelta) -> None:
        self._times = (start + step * ticks for ticks in itertools.count())
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            return next(self._times)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(utc_now(), timedelta(milliseconds=1))
    for user in ("routes.auth", "routes.clock", "live.sweeper"):
        monkeypatch.setattr(f"{user}.utc_now", clock)
    return clock


@pytest.fixture
def servers(settings: Settings) -> Iterator[list[Flask]]:
    """Two, which share nothing but the database."""
    apps = [create_app(settings) for _ in range(2)]
    yield apps
    for app in apps:
        app.extensions["presence"].database.close()


class Caller:
    """A member at a server, whose token is made once."""

    def __init__(self, world: World, member: Membership, server: Flask) -> None:
        self.member = member
        self._world, self._server = world, server
        self._bearer = world.bearer(member)
        self._judged = callers.Caller(member, world.org(), None, None)

    def get(self) -> AppAnswer:
        return self._client().get("/v1/presence", headers=self._bearer)

    def post(self, path: str, key: str | None = None, **body: str) -> AppAnswer:
        headers = self._bearer | ({} if key is None else {"Idempotency-Key": key})
        return self._client().post(f"/v1/{path}", json=body, headers=headers)

    def clock_in(self, account: Account, key: str | None = None) -> AppAnswer:
        return self.post("clock-in", key, account_id=str(account.id))

    def clock_in_by_service(self, account: Account) -> None:
        with self._world.changing() as change:
            clocking.clock_in(change, self._judged, account_id=account.id)

    def _client(self) -> AppClient:
        return AppClient(self._server)


def assert_history_tells_all(world: World) -> None:
    """The events, one after the other, never share an account and lead to what is there now."""
    on: dict[Any, tuple[Any, Any]] = {}  # by account, the user and the presence
    events = world.events()
    for event in events:
        if event.kind == "switch":
            assert on.pop(event.from_account_id) == (event.user_id, event.from_presence_id)
        if event.kind in ("clock_in", "switch"):
            assert event.account_id not in on
            assert event.user_id not in {user_id for user_id, _ in on.values()}
            on[event.account_id] = event.user_id, event.presence_id
        else:
            assert on[event.account_id] == (event.user_id, event.presence_id)
        if event.kind in ("clock_out", "force_clear", "expire"):
            del on[event.account_id]
    assert on == {held.account_id: (held.user_id, held.presence_id) for held in world.held()}
    for earlier, later in itertools.pairwise(events):
        assert earlier.version <= later.version
        assert earlier.received_at <= later.received_at


def test_of_16_members_racing_for_an_account_one_wins(world: World, servers: list[Flask]) -> None:
    acme = world.account()
    racers = [Caller(world, world.va(), servers[number % 2]) for number in range(16)]
    # Most take the shorter way to the same service, as HTTP would take twice the time.
    races = [partial(wins_by_http, racer, acme) for racer in racers[:2]]
    races += [partial(wins, racer, acme) for racer in racers[2:]]
    for _ in range(ROUNDS):
        (winner,) = itertools.compress(racers, at_once(*races))
        assert [held.user_id for held in world.held()] == [winner.member.user_id]
        assert winner.post("clock-out").json["cleared"]
    assert world.kinds() == ["clock_in", "clock_out"] * ROUNDS
    assert_history_tells_all(world)


def wins_by_http(caller: Caller, account: Account) -> bool:
    answer = caller.clock_in(account)
    if answer.status_code != 201:
        assert_problem(answer, 409, "account_occupied")
    return answer.status_code == 201


def wins(caller: Caller, account: Account) -> bool:
    """Any error but this one would be a 500 or a 503."""
    try:
        caller.clock_in_by_service(account)
    except AccountOccupied:
        return False
    return True


def test_two_members_swapping_accounts_never_meet_a_deadlock(
    world: World, servers: list[Flask], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_limit, "LIMIT", Limit(1000, window_seconds=60))
    # Stale after 2 looks at the clock, and ended after 10: some of the swaps succeed.
    clock.set(utc_now(), timedelta(seconds=world.settings.expire_after / 10))
    members = [Caller(world, world.va(), server) for server in servers]
    accounts = {str(account.id): account for account in (world.account("A"), world.account("B"))}
    held = [
        member.clock_in(account).json["presence"]
        for member, account in zip(members, accounts.values(), strict=True)
    ]

    def beat(who: int) -> None:
        answer = members[who].post("heartbeat", presence_id=held[who]["id"])
        if answer.status_code != 204:
            assert_problem(answer, 410, "presence_ended")

    def swap(who: int) -> None:
        (theirs,) = accounts.keys() - {held[who]["account_id"]}
        answer = members[who].clock_in(accounts[theirs])
        if answer.status_code == 201:
            held[who] = answer.json["presence"]
        else:
            assert_problem(answer, 409, "account_occupied")

    sweep = partial(sweeper.sweep, servers[0].extensions["presence"])
    for number in range(300):
        between: list[Callable[[], object]] = (
            [] if number % 2 else [partial(beat, number // 2 % 2), sweep]
        )
        at_once(partial(swap, 0), partial(swap, 1), *between)
    assert {"switch", "stale", "resume", "expire"} <= set(world.kinds())
    assert_history_tells_all(world)


def test_no_reader_sees_a_switching_member_on_two_accounts_or_none(
    world: World, servers: list[Flask]
) -> None:
    ana = world.va()
    accounts = [world.account(f"Account {number}") for number in range(5)]
    mover = Caller(world, ana, servers[0])
    readers: dict[Caller, list[AppAnswer]] = {
        Caller(world, member, server): []
        for member, server in zip(
            [ana, world.va("Ben"), world.admin("Maya"), world.admin("Noa")],
            servers * 2,
            strict=True,
        )
    }
    assert mover.clock_in(accounts[0]).status_code == 201

    def read(reader: Caller) -> None:
        readers[reader].append(reader.get())

    with meanwhile(*(partial(read, reader) for reader in readers)):
        for account in itertools.islice(itertools.cycle(accounts), 1, 61):
            assert mover.clock_in(account).status_code == 201

    happened = {(event.version, str(event.account_id)) for event in world.events()}
    for reader, answers in readers.items():
        bodies: dict[str, bytes] = {}
        last = 0
        for answer in answers:
            assert answer.status_code == 200
            (entry,) = answer.json["presence"]
            if answer.json["view"] == "admin":
                assert (answer.json["version"], entry["account_id"]) in happened
            if reader.member is ana:
                assert answer.json["me"]["account_id"] == entry["account_id"]
            assert answer.json["version"] >= last
            last = answer.json["version"]
            assert bodies.setdefault(answer.headers["ETag"], answer.data) == answer.data
        assert len(set(bodies.values())) == len(bodies)


@pytest.mark.parametrize(
    "change", [{"role": "va"}, {"active": False}], ids=["demote", "deactivate"]
)
@pytest.mark.parametrize("whom", ["each other", "themselves"])
def test_of_two_admins_who_go_at_once_one_stays(
    world: World, servers: list[Flask], change: dict[str, Any], whom: str
) -> None:
    clients = [AppClient(server) for server in servers]
    for _ in range(20):
        admins = [world.admin(), world.admin("Tom Okafor")]
        targets = admins if whom == "themselves" else admins[::-1]
        headers = [world.bearer(admin) for admin in admins]
        answers = at_once(
            *(
                partial(client.patch, f"/v1/admin/members/{target.id}", json=change, headers=bearer)
                for client, target, bearer in zip(clients, targets, headers, strict=True)
            )
        )
        left = [world.member_now(admin) for admin in admins]
        left = [member for member in left if member.active and member.role == "admin"]
        assert len(left) == 1
        assert sorted(answer.status_code for answer in answers)[0] == 200
        # Whoever came second is an admin no more, or the last one.
        refused = max(answers, key=lambda answer: answer.status_code)
        assert refused.json["code"] in ("last_admin", "admin_only", "not_authenticated")
        if whom == "themselves":
            assert refused.json["code"] == "last_admin"
        world.erase(left[0])


def test_requests_with_the_same_key_at_once_take_effect_once(
    world: World, servers: list[Flask]
) -> None:
    ana, acme = world.va(), world.account()
    twice = [Caller(world, ana, server) for server in servers]
    for number in range(20):
        for kind, ask in {
            "clock_in": partial(Caller.clock_in, account=acme),
            "clock_out": partial(Caller.post, path="clock-out"),
        }.items():
            kinds = world.kinds()
            answers = at_once(*(partial(ask, caller, key=f"{kind} {number}") for caller in twice))
            assert world.kinds() == [*kinds, kind]
            status = 201 if kind == "clock_in" else 200
            assert [answer.status_code for answer in answers] == [status, status]
            first, second = (
                (answer.headers["Presence-Version"], answer.json) for answer in answers
            )
            assert first == second


@pytest.mark.parametrize("edge", ["stale_after", "expire_after"])
def test_heartbeat_racing_the_sweep_agrees_with_the_history(
    edge: str, world: World, servers: list[Flask], clock: Clock
) -> None:
    ana, acme = Caller(world, world.va(), servers[0]), world.account()
    lifetime = timedelta(seconds=getattr(world.settings, edge))
    statuses = set()
    for number in range(20):
        clock.set(clock() + 2 * lifetime, timedelta(milliseconds=1))
        presence = ana.clock_in(acme).json["presence"]
        began, known = world.held()[0].last_heartbeat_at, len(world.events())
        # From all looks after the edge to all before it: what is between is the race.
        clock.set(began + lifetime - timedelta(milliseconds=number % 4), timedelta(milliseconds=1))
        answer, _ = at_once(
            partial(ana.post, "heartbeat", presence_id=presence["id"]),
            partial(sweep, world, clock),
        )
        statuses.add(answer.status_code)
        kinds = world.kinds()[known:]
        if "expire" in kinds:
            assert_problem(answer, 410, "presence_ended", reason="expired")
            assert world.held() == []
        else:
            assert answer.status_code == 204
            assert kinds in ([], ["stale", "resume"])
            assert world.held()[0].stale_since is None
            assert ana.post("clock-out").status_code == 200
    assert statuses == ({204, 410} if edge == "expire_after" else {204})


def sweep(world: World, clock: Clock) -> None:
    """One of this org alone, in its one transaction."""
    with (
        world.database.write() as session,
        changing(session, world.id, settings=world.settings, clock=clock) as change,
    ):
        expiry.sweep(change)


def test_heartbeat_between_the_sweeps_read_and_its_write_saves_the_presence(
    world: World, servers: list[Flask], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time: nothing comes between")
    ana, acme = Caller(world, world.va(), servers[0]), world.account()
    presence = ana.clock_in(acme).json["presence"]
    ended = world.held()[0].last_heartbeat_at + timedelta(seconds=world.settings.expire_after)
    expire = presences.expire

    def expire_after_a_heartbeat(*args: Any) -> Any:
        clock.set(ended - timedelta(milliseconds=1), timedelta())
        (answer,) = at_once(partial(ana.post, "heartbeat", presence_id=presence["id"]))
        assert answer.status_code == 204
        return expire(*args)

    monkeypatch.setattr(presences, "expire", expire_after_a_heartbeat)
    clock.set(ended, timedelta())
    assert sweeper.sweep(servers[1].extensions["presence"]) == (0, 0)
    assert [held.last_heartbeat_at for held in world.held()] == [ended - timedelta(milliseconds=1)]
    assert world.kinds() == ["clock_in"]


def test_heartbeat_that_waited_for_the_sweep_keeps_nothing_locked(
    world: World, servers: list[Flask], clock: Clock
) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite locks no rows")
    ana, acme, bolt = Caller(world, world.va(), servers[0]), world.account(), world.account("Bolt")
    presence = ana.clock_in(acme).json["presence"]
    stale = world.held()[0].last_heartbeat_at + timedelta(seconds=world.settings.stale_after)
    clock.set(stale, timedelta())
    with world.changing(stale) as change:
        assert expiry.sweep(change) == (1, 0)
        threads = Threads(
            partial(ana.post, "heartbeat", presence_id=presence["id"]),
            partial(ana.clock_in, bolt),
        )
        # One for the presence, one for the org, which then wants the presence too.
        until_lock_waits(world, 2)
    heartbeat, switch = threads.join()
    assert switch.status_code == 201
    if heartbeat.status_code != 204:
        assert_problem(heartbeat, 410, "presence_ended", reason="switched")


def until_lock_waits(world: World, count: int) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    give_up = time.monotonic() + BOUND_SECONDS
    with world.database.engine.connect() as connection:
        while connection.scalar(waiting) != count:
            connection.rollback()
            assert time.monotonic() < give_up


# Says when it is about to make a key, waits for a line, and says which key it has got.
STARTING = """
import pathlib, settings, sys
make = settings.secrets.token_urlsafe
def make_when_told(size):
    print("making", flush=True)
    sys.stdin.readline()
    return make(size)
settings.secrets.token_urlsafe = make_when_told
settings.INSTANCE = pathlib.Path(sys.argv[1])
print(settings.from_environment({}).secret_key.decode())
"""


def test_two_processes_that_make_the_secret_key_at_once_end_with_one(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    with starting(folder) as one, starting(folder) as other:
        for process in (one, other):
            assert process.stdout
            assert process.stdout.readline() == "making\n"
        keys = [process.communicate("go\n", BOUND_SECONDS)[0] for process in (one, other)]
    assert keys == [(folder / "secret_key").read_text() + "\n"] * 2
    assert [file.name for file in folder.iterdir()] == ["secret_key"]
    assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600


def starting(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTING, str(folder)],
        cwd=dev.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
