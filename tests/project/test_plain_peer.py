"""The plain peer of ``bench writes`` does what it is compared for: it writes what it answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from bench import plain
from bench.plain_peer import build_plain
from bench.world import BenchOrg
from tests.support.databases import empty_postgresql


@pytest.fixture
def org(postgresql_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[BenchOrg]:
    """Two members, of whom one is on an account, and another account."""
    with empty_postgresql(postgresql_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        (built,) = build_plain(url, orgs=1, members=2, occupied=1, spare=1)
        yield built


def test_the_plain_peer_writes_what_it_answers(org: BenchOrg) -> None:
    client = plain.create_app().test_client()
    first, second = org.people

    def post(path: str, token: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return client.post(f"/v1/{path}", json=body, headers=headers)

    try:
        signed_in: Any = client.post("/v1/sessions", json={"access_code": second.code}).json
        token = signed_in["token"]
        occupied = post("clock-in", token, account_id=first.account)
        came = post("clock-in", token, account_id=org.free[0])
        beaten = post("heartbeat", token, presence_id=came.json["presence"]["id"])
        of_another = post("heartbeat", token, presence_id=first.presence_id)
        left = post("clock-out", first.token)
        stranger = post("clock-out", "not a token")
        answers = (occupied, came, beaten, of_another, left, stranger)
        assert [each.status_code for each in answers] == [409, 201, 204, 410, 200, 401]
        with plain.new_session() as session:
            (presence,) = session.scalars(select(plain.PresenceRow))
            kinds = session.scalars(select(plain.HistoryRow.kind).order_by(plain.HistoryRow.id))
            assert list(kinds) == ["clock_in", "clock_out"]
        assert (presence.member_id, str(presence.account_id)) == (second.id, org.free[0])
        assert presence.last_heartbeat_at > presence.clocked_in_at
    finally:
        plain.new_session.kw["bind"].dispose()
