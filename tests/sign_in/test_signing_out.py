"""Sessions end: by signing out, by an admin, with their code, with all of a member's; and how."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from models import AccessCode, MemberSession, Membership
from services import members, sessions, tokens
from services.errors import NotAuthenticated
from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
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

Headers = dict[str, str]


def signed_in(client: AppClient, code: str, **headers: str) -> dict[str, Any]:
    answer = client.post("/v1/sessions", json={"access_code": code}, headers=headers)
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = answer.json
    return session


def bearer(session: dict[str, Any]) -> Headers:
    return {"Authorization": f"Bearer {session['token']}"}


def renewed(client: AppClient, session: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/sessions/renew", json={}, headers=bearer(session))
    assert answer.status_code == 200, answer.text
    following: dict[str, Any] = answer.json
    return following


def refused(client: AppClient, session: dict[str, Any]) -> str:
    """Why a session's token is refused, everywhere; ``""`` for one that is taken."""
    answers = [
        client.open(f"/v1/{path}", method=method, json=body, headers=bearer(session))
        for method, path, body in (
            ("GET", "presence", None),
            ("GET", "me", None),
            ("POST", "sessions/renew", {}),
            ("POST", "heartbeat", {"presence_id": str(uuid4())}),
            ("POST", "clock-in", {"account_id": str(uuid4())}),
            ("GET", "me/sessions", None),
        )
    ]
    if answers[0].status_code == 200:
        assert {answer.status_code for answer in answers} == {200, 404, 410}
        return ""
    (reason,) = {
        str(assert_problem(answer, 401, "not_authenticated")["reason"]) for answer in answers
    }
    return reason


def listed(client: AppClient, session: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.get("/v1/me/sessions", headers=bearer(session)).json
    assert answer["next"] is None
    found: list[dict[str, Any]] = answer["sessions"]
    return found


def kinds(world: World) -> list[str]:
    return [event.kind for event in world.log() if "session" in event.kind or "sign" in event.kind]


def admins_path(member: Membership, session: dict[str, Any] | None = None) -> str:
    path = f"admin/members/{member.id}/sessions"
    return path if session is None else f"{path}/{session['session_id']}"


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


def test_an_admin_sees_and_ends_a_members_sessions(world: World, client: AppClient) -> None:
    maya, ana, ben = world.admin(), world.va(), world.va("Ben Cruz")
    code = world.code(ana)
    first, second = signed_in(client, code), signed_in(client, code)
    found = world.get(client, maya, admins_path(ana)).json["sessions"]
    ids = {first["session_id"], second["session_id"]}
    assert ids == {each["id"] for each in found if each["by"] == "access_code"}
    assert not any(each["current"] for each in found)
    (own,) = world.get(client, maya, admins_path(maya)).json["sessions"]
    assert own["current"] is True
    answer = world.delete(client, maya, admins_path(ana, first))
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Presence-Version"] == str(world.versions()[0])
    assert refused(client, first) == "revoked"
    assert refused(client, second) == ""
    before = dump(world.database)
    for path in (
        admins_path(ana, first),
        admins_path(ben, second),
        f"admin/members/{uuid4()}/sessions/{second['session_id']}",
    ):
        assert_problem(world.delete(client, maya, path), 404, "not_found")
    assert_problem(world.get(client, maya, f"admin/members/{uuid4()}/sessions"), 404, "not_found")
    assert dump(world.database) == before


def test_revoking_a_code_ends_the_sessions_that_it_began_and_no_other(
    world: World, client: AppClient
) -> None:
    maya, ana = world.admin(), world.va()
    path = f"admin/members/{ana.id}/access-codes"
    leaked, kept = (world.post(client, maya, path).json for _ in range(2))
    first = signed_in(client, leaked["access_code"])
    clocked_in = client.post(
        "/v1/clock-in",
        json={"access_code": leaked["access_code"], "account_id": str(world.account().id)},
    ).json
    other, by_command = signed_in(client, kept["access_code"]), {"token": world.token(ana)}
    renewed_first = renewed(client, first)
    assert world.delete(client, maya, f"{path}/{leaked['id']}").status_code == 204
    for session in (first, renewed_first, clocked_in):
        assert refused(client, session) == "revoked"
    assert refused(client, other) == refused(client, by_command) == ""


def test_revoking_all_tokens_and_deactivating_end_every_session(
    world: World, client: AppClient
) -> None:
    maya, ana, ben = world.admin(), world.va(), world.va("Ben Cruz")
    code = world.code(ana)
    before, of_ben = signed_in(client, code), signed_in(client, world.code(ben))
    assert world.post(client, maya, f"admin/members/{ana.id}/revoke-tokens").status_code == 204
    assert refused(client, before) == "revoked"
    after = signed_in(client, code)
    assert [each["id"] for each in listed(client, after)] == [after["session_id"]]
    world.patch(client, maya, f"admin/members/{ana.id}", active=False)
    assert refused(client, after) == "deactivated"
    world.patch(client, maya, f"admin/members/{ana.id}", active=True)
    assert refused(client, after) == "revoked"
    assert refused(client, of_ben) == ""


def test_a_session_ends_with_its_code_and_no_renewal_makes_it_longer(
    world: World, client: AppClient
) -> None:
    ana = world.va()
    expires_at = utc_now() + timedelta(seconds=100)
    code = world.code(ana, expires_at=expires_at)
    session = signed_in(client, code)
    for each in (session, renewed(client, session)):
        assert datetime.fromisoformat(each["expires_at"]) <= expires_at
    with world.database.write() as session_:
        row = session_.get_one(MemberSession, UUID(session["session_id"]))
        assert row.renewable_until == expires_at
    # Its time over: what was true when the token was made.
    with world.changing(ago(300)) as change:
        found = members.find(change.session, ana.id)
        code_row = change.session.get_one(AccessCode, row.access_code_id)
        code_row.expires_at = ago(200)
        assert found is not None
        _, token = sessions.begin(change, found, code=code_row)
    assert refused(client, {"token": token.raw}) == "expired"


def test_who_ended_what_stands_in_the_audit_log(world: World, client: AppClient) -> None:
    maya, ana = world.admin(), world.va()
    path = f"admin/members/{ana.id}/access-codes"
    code = world.post(client, maya, path).json
    own, by_admin, by_code, by_all = (signed_in(client, code["access_code"]) for _ in range(4))
    client.delete("/v1/sessions/current", headers=bearer(own))
    world.delete(client, maya, admins_path(ana, by_admin))
    world.delete(client, maya, f"{path}/{code['id']}")
    other = signed_in(client, world.code(ana))
    world.post(client, maya, f"admin/members/{ana.id}/revoke-tokens")
    answer = world.get(client, maya, "admin/audit-events?kind=session_ended")
    ended = answer.json["audit_events"][::-1]
    ids = [each["details"]["session_id"] for each in ended]
    assert ids[0] == by_admin["session_id"]
    assert set(ids[1:3]) == {by_code["session_id"], by_all["session_id"]}
    assert other["session_id"] in ids[3:]
    for each in ended:
        assert (each["actor_name"], each["display_name"]) == ("Maya Chen", "Ana Reyes")
        assert each["address"] == "127.0.0.1"
    events = [event for event in world.log() if event.kind in ("signed_in", "signed_out")]
    assert [event.kind for event in events] == ["signed_in"] * 4 + ["signed_out", "signed_in"]
    assert {(e.actor_name, e.display_name, e.address) for e in events} == {
        ("Ana Reyes", "Ana Reyes", "127.0.0.1")
    }
    assert events[0].details == {"session_id": own["session_id"], "code_id": code["id"]}
    assert events[4].details == {"session_id": own["session_id"]}


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
    token = tokens.verify(world.token(ana), world.settings)
    with world.database.read() as session:
        row = session.get_one(MemberSession, token.claims.session_id)
        session.expunge(row)
    with world.changing_member(ana) as (change, found):
        sessions.sign_out(change, found, row.id)
    with world.database.write() as session, pytest.raises(NotAuthenticated) as error:
        sessions.renew(session, ana, row, settings=world.settings, now=utc_now())
    assert error.value.fields == {"reason": "signed_out"}


def test_a_shorter_token_does_not_make_the_session_forget_a_longer_one(
    world: World, client: AppClient
) -> None:
    """The operator has shortened the tokens: the ended session must outlive the longest."""
    ana = world.va()
    token = tokens.verify(world.token(ana, now=utc_now()), world.settings)
    with world.database.write() as session:
        row = session.get_one(MemberSession, token.claims.session_id)
        row.expires_at += timedelta(days=1)
        longest = row.expires_at
    renewed(client, {"token": token.raw})
    with world.database.read() as session:
        assert session.get_one(MemberSession, row.id).expires_at == longest


def test_a_member_has_no_more_sessions_than_memory_can_keep_the_end_of(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_UNEXPIRED", 5)
    code = world.code(world.va())
    begun = [signed_in(client, code) for _ in range(4)]  # and the one of a command
    client.delete("/v1/sessions/current", headers=bearer(begun[0]))
    last = signed_in(client, code)
    assert {refused(client, each) for each in begun} == {"revoked"}
    assert [each["id"] for each in listed(client, last)] == [last["session_id"]]


def test_old_sessions_are_deleted_in_pieces(world: World) -> None:
    ana = world.va()
    for hours in (12.5, 14, 15):
        world.token(ana, now=ago(hours * 3600))
    with world.database.write() as session:
        deleted = [sessions.forget_old(session, now=utc_now(), most=2) for _ in range(3)]
    assert deleted == [2, 0, 0]  # one has run out within the last hour
    assert len(dump(world.database)["sessions"]) == 2


def test_codes_say_when_they_were_last_used(world: World, client: AppClient) -> None:
    maya, ana, acme = world.admin(), world.va(), world.account()
    path = f"admin/members/{ana.id}/access-codes"
    code = world.post(client, maya, path).json
    assert code["last_used_at"] is None
    used = []
    for act in ("sessions", "clock-in"):
        versions, begun = world.org().members_version, utc_now()
        body = {"access_code": code["access_code"]}
        body |= {"account_id": str(acme.id)} if act == "clock-in" else {}
        assert client.post(f"/v1/{act}", json=body).status_code < 300
        used.append(world.get(client, maya, path).json["access_codes"][0]["last_used_at"])
        assert rfc3339(begun) <= used[-1] <= rfc3339(utc_now())
        assert world.org().members_version == versions
    assert used[0] < used[1]
