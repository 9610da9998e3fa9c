"""How often a sign-in asks PostgreSQL, by what comes over the wire."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.app_client import AppClient
from tests.support.outside import app_on
from tests.support.sign_in_limit import UNKNOWN, attempt, exhaust
from tests.support.wire_to_postgresql import Wire
from tests.support.world import World

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def through(wire: Wire, world: World) -> Iterator[AppClient]:
    """A client of an app behind the wire, that knows the org's accounts."""
    app: Flask
    with app_on(wire.url) as app:
        client = AppClient(app)
        assert attempt(client, world.code(world.va("Tom Okafor"))).status_code == 200
        yield client


def test_a_sign_in_is_three_round_trips_and_locks_the_org_for_two(
    through: AppClient, wire: Wire, world: World
) -> None:
    code = world.code(world.va())
    with wire.counted() as sent:
        assert attempt(through, code).status_code == 200
    look, lock, commit = sent
    assert look.startswith("BEGIN ")
    assert "FOR " not in look.partition(";SELECT")[2]
    assert "clock_state" in lock
    assert commit.endswith(";COMMIT")


def test_a_clock_in_by_code_with_a_key_is_three_round_trips(
    through: AppClient, wire: Wire, world: World
) -> None:
    code, acme = world.code(world.va()), world.account()
    with wire.counted() as sent:
        answer = through.post(
            "/v1/clock-in",
            json={"access_code": code, "account_id": str(acme.id)},
            headers={"Idempotency-Key": "one"},
        )
    assert answer.status_code == 201
    assert len(sent) == 3, sent


def test_a_locked_out_address_costs_two_round_trips_and_writes_nothing(
    through: AppClient, wire: Wire, world: World
) -> None:
    code = world.code(world.va())
    exhaust(through)
    for typed in (code, UNKNOWN):
        with wire.counted() as sent:
            assert attempt(through, typed).status_code == 429
        assert len(sent) == 2, sent
        assert not [each for each in sent if "INSERT" in each or "UPDATE" in each]


def test_a_refused_code_sends_the_same_whether_it_is_known_or_not(
    through: AppClient, wire: Wire, world: World
) -> None:
    ana = world.va()
    known = world.code(ana)
    world.deactivate(ana)
    sent_of = []
    for typed, address in ((known, "192.0.2.2"), (UNKNOWN, "192.0.2.3")):
        with wire.counted() as sent:
            assert attempt(through, typed, address).status_code == 401
        sent_of.append([each.rpartition(";")[2][:30] for each in sent])
    assert sent_of[0] == sent_of[1]
