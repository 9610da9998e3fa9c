"""Who may do what: every endpoint, asked by everyone, in an org and beside another one."""

import re
from collections.abc import Callable

import pytest

from models.database import Database
from settings import Settings
from tests.support.app_client import AppClient
from tests.support.matrix import BOUND, ENDPOINTS, ID_TAKEN, Scene, fingerprint
from tests.support.problems import assert_problem

SIGNING_IN = "POST /v1/sessions"  # with our VA's code, whoever sends it
REFUSED = ["missing", "expired", "revoked", "signed_out", "deactivated"]

# Its signature may spell anybody's name.
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


def test_every_endpoint_is_in_the_matrix(endpoints: set[tuple[str, str]]) -> None:
    assert set(ENDPOINTS) == {f"{method} {path}" for method, path in endpoints}


@pytest.mark.parametrize("who", REFUSED)
def test_who_has_no_good_token_gets_nowhere(
    database: Database, settings: Settings, client: AppClient, who: str
) -> None:
    scene = Scene(database, settings)
    headers = scene.authorization(who)
    for name in ENDPOINTS:
        before = fingerprint(scene.world), fingerprint(scene.other)
        answer = scene.call(client, name, who, headers)
        if ENDPOINTS[name].to == "anyone":
            assert answer.status_code == ENDPOINTS[name].ok, name
        else:
            assert_problem(answer, 401, "not_authenticated", reason=who)
        if name != SIGNING_IN:
            assert (fingerprint(scene.world), fingerprint(scene.other)) == before, name


@pytest.mark.parametrize("who", ["va", *BOUND])
def test_a_va_and_who_is_bound_to_an_account_may_do_what_members_may(
    database: Database, settings: Settings, client: AppClient, who: str
) -> None:
    for name in ENDPOINTS:
        scene = Scene(database, settings)
        before = fingerprint(scene.world), fingerprint(scene.other)
        answer = scene.call(client, name, who, scene.authorization(who))
        elsewhere = ENDPOINTS[name].elsewhere if who in BOUND else None
        refused = (403, "admin_only") if ENDPOINTS[name].to == "admins" else elsewhere
        if refused:
            assert_problem(answer, *refused)
            assert fingerprint(scene.world) == before[0], name
        else:
            assert answer.status_code == ENDPOINTS[name].ok, (name, answer.data)
        assert fingerprint(scene.other) == before[1], name


def test_an_admin_may_do_everything_in_their_org_and_nothing_in_another(
    database: Database, settings: Settings, client: AppClient
) -> None:
    for name in ENDPOINTS:
        scene = Scene(database, settings)
        before = fingerprint(scene.other)
        answer = scene.call(client, name, "admin", scene.authorization("admin"))
        assert answer.status_code == ENDPOINTS[name].ok, (name, answer.data)
        assert fingerprint(scene.other) == before, name


def test_an_admin_of_another_org_sees_and_changes_nothing(
    database: Database, settings: Settings, client: AppClient
) -> None:
    scene = Scene(database, settings)
    for name, endpoint in ENDPOINTS.items():
        before = fingerprint(scene.world)
        answer = scene.call(client, name, "foreign admin", scene.authorization("foreign admin"))
        if endpoint.foreign is not None:
            assert_problem(answer, *endpoint.foreign)
        else:
            assert answer.status_code == endpoint.ok, (name, answer.data)
        if endpoint.to != "anyone":
            said = TOKEN.sub("", answer.text)
            if endpoint.foreign == ID_TAKEN:
                said = said.replace(answer.json["id"], "")  # as the caller sent it
            for ours in ("Ours", "Ana", "Maya", "Ben", "Acme", "Heron", *scene.ids.values()):
                assert ours not in said, name
        if name != SIGNING_IN:
            assert fingerprint(scene.world) == before, name


def test_the_fingerprint_shows_every_change(database: Database, settings: Settings) -> None:
    scene = Scene(database, settings)
    seen = {fingerprint(scene.world)}
    changes: tuple[Callable[[], object], ...] = (
        lambda: scene.world.account("New"),
        lambda: scene.world.va("New"),
        lambda: scene.world.code(scene.people["va"]),
        lambda: scene.world.clock_out(scene.people["va"]),
        lambda: scene.world.revoke_tokens(scene.people["va"]),
    )
    for number, change in enumerate(changes, start=2):
        change()
        seen.add(fingerprint(scene.world))
        assert len(seen) == number
