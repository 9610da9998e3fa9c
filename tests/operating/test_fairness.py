"""One org that is locked, slow or busy takes a part of each worker, and the others go on."""

import select
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from dev_postgres import PostgresServer, own_postgres
from tests.support.busy import (
    Busy,
    Call,
    clients,
    clocking,
    everything,
    locked,
    running,
    signing_in,
    told,
)
from tests.support.connection import request
from tests.support.sign_in_limit import UNKNOWN
from tests.support.stage import Stage, staged_on, wait_until
from tests.support.world import World

LOCKED_SECONDS = 6.0
LATEST_SECONDS = 5.0 + 1.0  # contract.md, "Errors": a lock is waited for 4 s; and a busy machine
USUAL_SECONDS = 2.0  # far from those 4: but for a few, on a busy machine


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Served as a role that row-level security binds, unlike a superuser."""
    folder = tmp_path_factory.mktemp("fair")
    with own_postgres() as postgres:
        run(postgres, "CREATE ROLE servers LOGIN PASSWORD 'servers'")
        run(postgres, "GRANT CREATE ON DATABASE postgres TO servers")
        url = make_url(postgres.url).set(username="servers", password="servers")
        settings = {"DATABASE_URL": url.render_as_string(hide_password=False)}
        with staged_on(postgres, folder, PRESENCE_TRUSTED_PROXIES="1", **settings) as stage:
            yield stage
            stage.assert_quiet()


def run(postgres: PostgresServer, statement: str) -> None:
    with closing(psycopg2.connect(postgres.url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        connection.commit()


def new_world(stage: Stage, name: str) -> World:
    return World(stage.world.database, stage.world.settings, name)


def assert_undisturbed(others: list[Busy]) -> None:
    """All of it was answered as on any day."""
    for client in others:
        assert len(client.told) >= 5, client
        assert {each.answer.status // 100 for each in client.told} == {2}, client
    late = told(others, lambda each: each.seconds > USUAL_SECONDS)
    assert len(late) <= len(told(others)) / 10, late


def assert_told_to_wait(some: list[Busy]) -> Counter[str | None]:
    """All were answered in time, that they should try again."""
    answers = told(some)
    assert {each.answer.status for each in answers} == {503}
    assert all(int(each.answer.headers["retry-after"]) > 0 for each in answers)
    assert max(each.seconds for each in answers) < LATEST_SECONDS
    return Counter(each.code for each in answers)


def crowd_of(world: World, number: int) -> list[list[Call]]:
    return [clocking(world, f"Member {which}") for which in range(number)]


def test_one_locked_org(stage: Stage) -> None:
    busy, quiet = new_world(stage, "Locked"), new_world(stage, "Quiet")
    some = [*crowd_of(busy, 30), *(signing_in(busy, f"Signing in {which}") for which in range(8))]
    theirs, others = clients(stage, some), clients(stage, everything(quiet))
    with running(others):
        with locked(stage, busy), running(theirs):
            time.sleep(LOCKED_SECONDS)
            assert {each.answer.status for each in told(theirs)} == {503}
        codes = assert_told_to_wait(theirs)
        assert codes["busy"] > codes["database_unavailable"] > 0
        assert set(codes) == {"busy", "database_unavailable"}
        # When it is over, it is over.
        again = clients(stage, some)
        with running(again):
            wait_until(lambda: all(len(client.told) >= 2 for client in again))
        assert {each.answer.status // 100 for each in told(again)} == {2}
    assert_undisturbed(others)


def test_eight_orgs_locked_at_once(stage: Stage) -> None:
    busy = [new_world(stage, f"Locked {number}") for number in range(8)]
    theirs = clients(stage, [calls for world in busy for calls in crowd_of(world, 6)])
    others = clients(stage, everything(new_world(stage, "Quiet")))
    with running(others):
        with locked(stage, *busy), running(theirs):
            time.sleep(LOCKED_SECONDS)
        assert_told_to_wait(theirs)
    assert_undisturbed(others)


def test_revoked_tokens_take_nothing_of_their_orgs_share(stage: Stage) -> None:
    flooded = new_world(stage, "Flooded")
    gone = [flooded.va(f"Gone {number}") for number in range(30)]
    call = Call("POST", "/v1/clock-out", {})
    theirs = clients(stage, [[call._replace(headers=flooded.bearer(each))] for each in gone])
    for each in gone:
        flooded.revoke_tokens(each)
    others = clients(stage, everything(flooded))
    with running(theirs):
        wait_until(lambda: all(len(client.told) >= 3 for client in theirs))
        with running(others):
            wait_until(lambda: all(len(client.told) >= 5 for client in others))
        # Nor do they wait for its lock.
        seen = len(told(theirs))
        with locked(stage, flooded):
            wait_until(lambda: len(told(theirs)) >= seen + 4 * len(theirs))
    assert {(each.answer.status, each.code) for each in told(theirs)} == {
        (401, "not_authenticated")
    }
    late = told(theirs, lambda each: each.seconds > USUAL_SECONDS)
    assert len(late) <= len(told(theirs)) / 10, late
    assert_undisturbed(others)


def test_wrong_codes_from_everywhere(stage: Stage) -> None:
    wrong = [
        [Call("POST", "/v1/sessions", {"access_code": UNKNOWN}, address(f"198.51.100.{number}"))]
        for number in range(20)
    ]
    theirs = clients(stage, wrong)
    quiet = new_world(stage, "Quiet")
    others = clients(
        stage, [*everything(quiet), signing_in(quiet, "Ella Ramos", **address("192.0.2.1"))]
    )
    with running(theirs, others):
        wait_until(lambda: all(len(client.told) >= 12 for client in theirs))
        wait_until(lambda: all(len(client.told) >= 5 for client in others))
    assert {each.answer.status for each in told(theirs)} == {401, 429}
    assert_undisturbed(others)


def address(text: str) -> dict[str, str]:
    return {"X-Forwarded-For": text}


def test_clients_that_go_leave_no_place_taken(stage: Stage) -> None:
    busy, quiet = new_world(stage, "Locked"), new_world(stage, "Quiet")
    (clock_in, _) = clocking(busy, "Ana Reyes")
    others = clients(stage, everything(quiet))
    sent = request(clock_in.method, clock_in.path, clock_in.body, **clock_in.headers)
    with running(others), locked(stage, busy):
        for _ in range(3):
            wait_until(lambda: left_in_line(stage, sent))
    assert_undisturbed(others)
    again = clients(stage, [clocking(busy, "Ben Cruz")])
    with running(again):
        wait_until(lambda: len(again[0].told) >= 2)
    assert {each.answer.status // 100 for each in told(again)} == {2}


def left_in_line(stage: Stage, sent: bytes) -> bool:
    """Whether clients were seen to wait before they left; the metric is counted once a second."""
    with closing_all(stage, 150) as sockets:
        for each in sockets:
            each.sendall(sent)
        wait_until(lambda: waiting(stage) > 0 or select.select(sockets, [], [], 0)[0])
        were_seen = waiting(stage) > 0
    wait_until(lambda: waiting(stage) == 0)
    return were_seen


def waiting(stage: Stage) -> float:
    return stage.metric('presence_waiting_requests{of="orgs"}')


@contextmanager
def closing_all(stage: Stage, number: int) -> Iterator[list[socket.socket]]:
    """Connections, closed at the end without having read anything."""
    url = urlsplit(stage.server.url)
    sockets = [socket.create_connection((url.hostname, url.port)) for _ in range(number)]
    try:
        yield sockets
    finally:
        for each in sockets:
            each.close()


@contextmanager
def slow_history(stage: Stage, world: World, seconds: float) -> Iterator[None]:
    """Meanwhile PostgreSQL takes so long for each row of this org's history."""
    policy = "slow ON presence.clock_events"
    cost = f"org_id <> '{world.id}' OR pg_sleep({seconds}) IS NOT NULL"
    run(stage.postgres, f"CREATE POLICY {policy} AS RESTRICTIVE FOR SELECT USING ({cost})")
    try:
        yield
    finally:
        run(stage.postgres, f"DROP POLICY {policy}")


def test_a_morning_of_reports(stage: Stage) -> None:
    busy, quiet = new_world(stage, "Reporting"), new_world(stage, "Quiet")
    ana, acme = busy.va(), busy.account()
    for _ in range(4):
        busy.clock_in(ana, acme)
        busy.clock_out(ana)
    maya = busy.bearer(busy.admin())
    report = Call("GET", "/v1/admin/time?by=member", None, maya)
    others = clients(stage, everything(quiet))
    with slow_history(stage, busy, 0.03):
        theirs = clients(stage, [[report]] * 24)
        # Their own clocking goes on as well.
        others += clients(stage, [clocking(busy, "Ben Cruz")])
        with running(theirs, others):
            wait_until(lambda: len(told(theirs, lambda each: each.answer.status == 200)) >= 3)
            wait_until(lambda: len(told(theirs, lambda each: each.code == "busy")) >= 5)
    assert {each.answer.status for each in told(theirs)} == {200, 503}
    assert_undisturbed(others)
