"""Sessions that others end: an admin, with their code, with all of a member's; and old ones."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from models import AccessCode, MemberSession
from models.reach import EVERY_ORG
from services import members, sessions
from services.times import rfc3339, utc_now
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem
from tests.support.sessions import admins_path, bearer, listed, refused, renewed, signed_in
from tests.support.world import World, ago, dump


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
    with world.database.write(EVERY_ORG) as session_:
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
    with world.database.write(EVERY_ORG) as session:
        deleted = [sessions.delete_old(session, now=utc_now(), most=2) for _ in range(3)]
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
