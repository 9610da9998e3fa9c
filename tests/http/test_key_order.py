"""JSON bodies have their keys in the order in which contract.md shows them."""

from tests.support.app_client import AppClient
from tests.support.world import World

IDENTITY = ["token", "token_type", "expires_at", "session_id", "member", "org"]
INTERVALS = ["heartbeat_interval", "poll_interval"]


def test_a_session_begins_with_its_token(world: World, client: AppClient) -> None:
    ana, acme = world.va(), world.account()
    session = client.post("/v1/sessions", json={"access_code": world.code(ana)}).json
    assert list(session) == [*IDENTITY, "accounts", "presence", *INTERVALS]
    renewed = world.post(client, ana, "sessions/renew").json
    assert list(renewed) == list(session)
    clocked_in = world.post(client, ana, "clock-in", account_id=str(acme.id)).json
    assert list(clocked_in) == [*IDENTITY, "presence", *INTERVALS, "released_account_id"]


def test_a_list_begins_with_what_it_lists(world: World, client: AppClient) -> None:
    maya = world.admin()
    for path, plural in (
        ("admin/accounts", "accounts"),
        ("admin/members", "members"),
        ("admin/services", "services"),
        (f"admin/members/{maya.id}/access-codes", "access_codes"),
        (f"admin/members/{maya.id}/sessions", "sessions"),
        ("me/sessions", "sessions"),
        ("admin/clock-events", "clock_events"),
        ("admin/audit-events", "audit_events"),
    ):
        assert list(world.get(client, maya, path).json) == [plural, "next"], path
