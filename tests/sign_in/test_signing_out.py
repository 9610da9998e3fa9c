"""Signing out, of this session or of one's others; and which sessions there are."""

from datetime import timedelta
from uuid import uuid4

import pytest

from models import MemberSession
from models.reach import EVERY_ORG
from services import ending_sessions, sessions, tokens
from services.errors import NotAuthenticated
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.sessions import bearer, listed, refused, renewed, signed_in
from tests.support.world import World, ago, dump

LISTED = [
    "id",
    "created_at",
    "last_renewed_at",
    "expires_at",
    "address",
    "user_agent",
    "by",
    "current",
]


def kinds(world: World) -> list[str]:
    return [event.kind for event in world.log() if "session" in event.kind or "sign" in event.kind]


def test_signing_out_ends_the_session_with_all_its_tokens(world: World, client: AppClient) -> None:
    code = world.code(world.va())
    first, other = signed_in(client, code), signed_in(client, code)
    second = renewed(client, first)
    assert refused(client, first) == refused(client, second) == ""
    answer = client.delete("/v1/sessions/current", headers=bearer(first))
    assert (answer.status_code, answer.data) == (204, b"")
    assert refused(client, first) == refused(client, second) == "signed_out"
    assert refused(client, other) == ""
    again = client.delete("/v1/sessions/current", headers=bearer(first))
    assert_problem(again, 401, "not_authenticated", reason="signed_out")


def test_the_list_shows_what_goes_on(world: World, client: AppClient) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    code = world.code(ana)
    signed_in(client, world.code(ben))
    by_command = {"token": world.token(ana)}
    ended, first = signed_in(client, code), signed_in(client, code)
    client.delete("/v1/sessions/current", headers=bearer(ended))
    world.token(ana, now=ago(13 * 3600))  # one that ran out
    current = signed_in(client, code, **{"User-Agent": "Board/1.0"})
    current = renewed(client, current)
    found = listed(client, current)
    assert [set(each) for each in found] == [set(LISTED)] * 3
    assert [each["id"] for each in found[:2]] == [current["session_id"], first["session_id"]]
    assert [each["by"] for each in found] == ["access_code", "access_code", "command"]
    assert [each["current"] for each in found] == [True, False, False]
    assert [each["user_agent"] for each in found] == ["Board/1.0", found[1]["user_agent"], None]
    assert [each["address"] for each in found] == ["127.0.0.1", "127.0.0.1", None]
    assert [each["last_renewed_at"] is None for each in found] == [False, True, True]
    assert found[0]["expires_at"] == current["expires_at"]
    answer = client.get("/v1/me/sessions", headers=bearer(by_command) | {"Accept": "text/csv"})
    assert answer.text.splitlines()[0] == ",".join(LISTED)
    assert len(answer.text.splitlines()) == 4


@pytest.mark.parametrize("environment", [{"PRESENCE_TRUSTED_PROXIES": "1"}])
def test_the_address_is_the_clients_and_what_it_calls_itself_is_cut(
    world: World, client: AppClient
) -> None:
    odd = "M\x1b[31mozilla\x7f\x85 " + "x" * 1000
    forwarded = {"X-Forwarded-For": "192.0.2.7, 2001:db8::5", "User-Agent": odd}
    session = signed_in(client, world.code(world.va()), **forwarded)
    found = listed(client, session)[0]
    assert found["address"] == "2001:db8::5"
    assert found["user_agent"] == ("M[31mozilla " + "x" * 1000)[:200]
    assert world.log()[-1].address == "2001:db8::5"


def test_one_ends_ones_own_other_sessions_and_nobody_elses(world: World, client: AppClient) -> None:
    ana, ben = world.va(), world.va("Ben Cruz")
    code = world.code(ana)
    here, elsewhere, of_ben = (
        signed_in(client, code),
        signed_in(client, code),
        signed_in(client, world.code(ben)),
    )
    path = f"/v1/me/sessions/{elsewhere['session_id']}"
    assert client.delete(path, headers=bearer(here)).status_code == 204
    assert refused(client, elsewhere) == "signed_out"
    before = dump(world.database)
    for id_ in (elsewhere["session_id"], of_ben["session_id"], uuid4()):
        answer = client.delete(f"/v1/me/sessions/{id_}", headers=bearer(here))
        assert_problem(answer, 404, "not_found")
    assert dump(world.database) == before
    assert refused(client, here) == refused(client, of_ben) == ""
    path = f"/v1/me/sessions/{here['session_id']}"
    assert client.delete(path, headers=bearer(here)).status_code == 204
    assert refused(client, here) == "signed_out"


def test_signing_in_and_renewing_raise_no_version_and_signing_out_only_the_members(
    world: World, client: AppClient
) -> None:
    code = world.code(world.va())
    before = world.org()
    session = signed_in(client, code)
    renewed(client, session)
    now = world.org()
    assert now.members_version == before.members_version
    client.delete("/v1/sessions/current", headers=bearer(session))
    assert world.versions() == (before.version, before.va_version, before.accounts_version)
    assert world.org().members_version > before.members_version


def test_a_refused_clock_in_with_a_code_begins_no_session(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    world.clock_in(world.va("Ben Cruz"), acme)
    body = {"access_code": world.code(ana), "account_id": str(acme.id)}
    sessions_before = dump(world.database)["sessions"]
    assert_problem(client.post("/v1/clock-in", json=body), 409, "account_occupied")
    assert dump(world.database)["sessions"] == sessions_before
    assert "signed_in" not in kinds(world)


def test_a_clock_in_by_bearer_goes_on_with_its_session(world: World, client: AppClient) -> None:
    session = signed_in(client, world.code(world.va()))
    body = {"account_id": str(world.account().id)}
    answer = client.post("/v1/clock-in", json=body, headers=bearer(session)).json
    assert answer["session_id"] == session["session_id"]
    assert answer["token"] == session["token"]


def test_a_renewal_while_it_is_signed_out_gives_nothing(world: World) -> None:
    """The renewal has read the session before it ended."""
    ana = world.va()
    token = tokens.verify(world.token(ana), world.settings, now=utc_now())
    with world.database.read(EVERY_ORG) as session:
        row = session.get_one(MemberSession, token.claims.session_id)
        session.expunge(row)
    with world.changing_member(ana) as (change, found):
        ending_sessions.sign_out(change, found, row.id)
    with world.database.write(EVERY_ORG) as session, pytest.raises(NotAuthenticated) as error:
        sessions.renew(session, ana, row, settings=world.settings, now=utc_now())
    assert error.value.fields == {"reason": "signed_out"}


def test_a_shorter_token_does_not_make_the_session_forget_a_longer_one(
    world: World, client: AppClient
) -> None:
    """The operator has shortened the tokens: the ended session must outlive the longest."""
    ana = world.va()
    token = tokens.verify(world.token(ana, now=utc_now()), world.settings, now=utc_now())
    with world.database.write(EVERY_ORG) as session:
        row = session.get_one(MemberSession, token.claims.session_id)
        row.expires_at += timedelta(days=1)
        longest = row.expires_at
    renewed(client, {"token": token.raw})
    with world.database.read(EVERY_ORG) as session:
        assert session.get_one(MemberSession, row.id).expires_at == longest
