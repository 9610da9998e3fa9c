"""Signing in with an access code, renewing a session, and who one is."""

from datetime import datetime, timedelta

import pytest

from models import AccessCode
from models.reach import EVERY_ORG
from services import tokens
from services.times import rfc3339, utc_now
from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem
from tests.support.world import World, ago, dump

SESSION = {
    "token",
    "token_type",
    "expires_at",
    "session_id",
    "member",
    "org",
    "accounts",
    "presence",
    "heartbeat_interval",
    "poll_interval",
}


def sign_in(client: AppClient, code: str, **headers: str) -> AppAnswer:
    return client.post("/v1/sessions", json={"access_code": code}, headers=headers)


def renew(client: AppClient, token: str) -> AppAnswer:
    return client.post("/v1/sessions/renew", json={}, headers={"Authorization": f"Bearer {token}"})


def test_signing_in_says_all_that_a_client_needs(world: World, client: AppClient) -> None:
    ana, heron, acme = world.va(), world.account("Heron"), world.account("acme")
    answer = sign_in(client, world.code(ana))
    assert answer.status_code == 200
    assert set(answer.json) == SESSION
    expected = {
        "token_type": "Bearer",
        "member": {
            "id": str(ana.id),
            "user_id": str(ana.user_id),
            "display_name": "Ana Reyes",
            "role": "va",
        },
        "org": {"id": str(world.id), "name": "Test Bookkeeping"},
        "accounts": [
            {"id": str(acme.id), "name": "acme"},
            {"id": str(heron.id), "name": "Heron"},
        ],
        "presence": None,
        "heartbeat_interval": 45,
        "poll_interval": 2,
    }
    assert {name: answer.json[name] for name in expected} == expected
    lasts = datetime.fromisoformat(answer.json["expires_at"]) - utc_now()
    assert timedelta(hours=12) - lasts < timedelta(seconds=30)


def test_signing_in_clocks_nobody_in(world: World, client: AppClient) -> None:
    code = world.code(world.va(), account=world.account())
    before = dump(world.database)
    assert sign_in(client, code).status_code == 200
    after = dump(world.database)
    changed = {table for table, rows in after.items() if rows != before[table]}
    assert changed == {"sessions", "access_codes", "audit_events"}


def test_signing_in_shows_ones_own_presence(world: World, client: AppClient) -> None:
    ana = world.va()
    held = world.clock_in(ana, world.account())
    own = {
        "id": str(held.presence_id),
        "account_id": str(held.account_id),
        "clocked_in_at": rfc3339(held.clocked_in_at),
    }
    session = sign_in(client, world.code(ana)).json
    assert session["presence"] == own
    assert renew(client, session["token"]).json["presence"] == own
    assert world.get(client, ana, "me").json["presence"] == own
    assert sign_in(client, world.code(world.admin())).json["presence"] is None


def test_a_presence_that_ran_out_is_shown_no_more(world: World, client: AppClient) -> None:
    ana = world.va()
    world.expired(ana, world.account())
    assert (
        client.post("/v1/sessions", json={"access_code": world.code(ana)}).json["presence"] is None
    )
    assert world.get(client, ana, "me").json["presence"] is None
    assert world.kinds() == ["clock_in"]  # nothing has swept it


def test_a_code_may_be_typed_as_people_type(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = iter("K7QF9TWM2X01")
    with monkeypatch.context() as patch:
        patch.setattr("secrets.choice", lambda _: next(letters))
        assert world.code(world.va()) == "K7QF-9TWM-2X01"
    for typed in (
        "K7QF-9TWM-2X01",
        "k7qf9twm2x01",
        " k7qf 9twm 2x01 ",
        "K-7-QF9TWM--2XOI",
        "K7QF9TWM2Xol",
    ):
        assert sign_in(client, typed).status_code == 200, typed


def test_a_code_has_60_random_bits(world: World) -> None:
    ana = world.va()
    codes = {world.code(ana) for _ in range(20)}
    assert len(codes) == 20
    letters = "".join(codes).replace("-", "")
    assert len(letters) == 20 * 12
    assert set(letters) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_all_that_can_be_wrong_with_a_code_gets_the_same_answer(
    world: World, client: AppClient
) -> None:
    ben = world.va("Ben Cruz")
    of_deactivated = world.code(ben)
    world.deactivate(ben)
    ana = world.va()
    revoked = world.code(ana)
    with world.database.write(EVERY_ORG) as session:
        for row in session.query(AccessCode).where(AccessCode.membership_id == ana.id):
            row.revoked_at = utc_now()
    expired = world.code(ana, expires_at=ago(1))
    unknown = "0000-0000-0000"
    malformed = ["", "x", "K7QF-9TWM-2XHPP", "K7QF-9TWM-2XHU", "ÀÀÀÀÀÀÀÀÀÀÀÀ", "\x00", "\ud800"]
    answers = set()
    for number, code in enumerate((of_deactivated, revoked, expired, unknown, *malformed)):
        # So many from one would not all be looked at.
        address = {"REMOTE_ADDR": f"192.0.2.{number}"}
        for path in ("/v1/sessions", "/v1/clock-in"):
            answer = client.post(
                path,
                json={"access_code": code},
                headers={"Request-Id": "one"},
                environ_overrides=address,
            )
            assert_problem(answer, 401, "access_code_rejected")
            answers.add(answer.data)
    assert len(answers) == 1
    assert sign_in(client, world.code(ana, expires_at=ago(-60))).status_code == 200


def test_signing_in_ignores_an_authorization_header(world: World, client: AppClient) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    for header in (*world.bearer(ben).values(), "Bearer nonsense", "Basic eDp5"):
        answer = sign_in(client, world.code(ana), Authorization=header)
        assert answer.json["member"]["id"] == str(ana.id)


def test_renewing_gives_a_later_token_of_the_same_entry(world: World, client: AppClient) -> None:
    ana, then = world.va(), ago(3600)
    old = tokens.verify(world.token(ana, now=then), world.settings, now=utc_now())
    answer = renew(client, old.raw)
    assert answer.status_code == 200
    assert set(answer.json) == SESSION
    new = tokens.verify(answer.json["token"], world.settings, now=utc_now()).claims
    assert answer.json["session_id"] == str(new.session_id) == str(old.claims.session_id)
    assert new.expires_at > old.claims.expires_at
    assert answer.json["expires_at"] == rfc3339(new.expires_at)
    assert new.auth_time == old.claims.auth_time
    assert answer.json["accounts"] == []
    without_body = client.post("/v1/sessions/renew", headers={"Authorization": f"Bearer {old.raw}"})
    assert without_body.status_code == 200


def test_a_session_is_renewed_until_30_days_after_the_code_was_entered(
    world: World, client: AppClient
) -> None:
    ana, days = world.va(), 30 * 86400
    young = renew(client, world.token(ana, now=ago(days - 60), ttl_seconds=days))
    assert young.status_code == 200
    ends_at = datetime.fromisoformat(young.json["expires_at"])
    assert 0 < (ends_at - utc_now()).total_seconds() <= 60
    old = world.token(ana, now=ago(days + 1), ttl_seconds=2 * days)
    assert_problem(renew(client, old), 401, "not_authenticated", reason="expired")
    assert client.get("/v1/me", headers={"Authorization": f"Bearer {old}"}).status_code == 200


def test_me_is_the_member_the_org_and_the_presence(world: World, client: AppClient) -> None:
    maya = world.admin()
    answer = world.get(client, maya, "me")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == {
        "member": {
            "id": str(maya.id),
            "user_id": str(maya.user_id),
            "display_name": "Maya Chen",
            "role": "admin",
        },
        "org": {"id": str(world.id), "name": "Test Bookkeeping"},
        "presence": None,
    }
