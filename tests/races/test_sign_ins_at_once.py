"""Sign-ins that race each other, and those who take their codes away."""

from collections import Counter
from functools import partial

import pytest
from flask import Flask

from models import Membership
from models.database import Database
from models.reach import NO_ORG
from routes.sign_in_limit import REFUSED
from services import access_codes, rate_limits
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.races import at_once
from tests.support.sign_in_limit import LIMIT, assert_has_to_wait, attempt
from tests.support.world import World

ADDRESS = "192.0.2.1"  # of tests.support.sign_in_limit


def test_of_wrong_codes_at_once_ten_are_refused_as_wrong(
    world: World, servers: list[Flask]
) -> None:
    clients = [AppClient(server) for server in servers]
    right = [world.code(world.va(f"VA {number}")) for number in range(4)]
    wrong = [f"0000-0000-00{number:02}" for number in range(12)]
    jobs = [
        partial(attempt, clients[number % 2], code) for number, code in enumerate([*wrong, *right])
    ]
    answers = [answer.status_code for answer in at_once(*jobs)]
    assert Counter(answers[: len(wrong)]) == Counter({401: LIMIT, 429: len(wrong) - LIMIT})
    assert set(answers[len(wrong) :]) <= {200, 429}
    for code in right:
        assert_has_to_wait(attempt(clients[0], code))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_right_code_waits_for_nobody_of_its_address(
    world: World, client: AppClient, database: Database
) -> None:
    code = world.code(world.va())
    with database.write(NO_ORG) as session:
        assert not rate_limits.hit(session, f"access codes/{ADDRESS}", REFUSED, now=utc_now())
        assert attempt(client, code).status_code == 200
        session.rollback()


@pytest.mark.parametrize("how", ["revoked", "deactivated", "erased"])
def test_no_session_outlives_the_code_that_is_taken_away_meanwhile(
    world: World, servers: list[Flask], how: str
) -> None:
    clients = [AppClient(server) for server in servers]
    outcomes: Counter[int] = Counter()
    for number in range(20):
        ana = world.va(f"VA {number}")
        typed = world.code(ana)
        enter = partial(attempt, clients[0], typed, f"198.51.100.{number}")
        answer, _ = at_once(enter, partial(take_away, world, ana, how))
        outcomes[answer.status_code] += 1
        if answer.status_code == 200:
            bearer = {"Authorization": f"Bearer {answer.json['token']}"}
            assert clients[1].get("/v1/me", headers=bearer).status_code == 401
        assert attempt(clients[1], typed, f"198.51.100.{number}").status_code == 401
    assert outcomes.keys() <= {200, 401}


def take_away(world: World, ana: Membership, how: str) -> None:
    if how == "revoked":
        with world.changing() as change:
            (code,) = access_codes.list_codes(change.session, ana)
            access_codes.revoke(change, code, world.member_now(ana), actor=None)
    elif how == "deactivated":
        world.deactivate(ana)
    else:
        world.erase(ana)
