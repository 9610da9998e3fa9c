"""Sessions over HTTP, as their members begin, use and end them."""

from typing import Any
from uuid import uuid4

from models import Membership
from tests.support.app_client import AppClient
from tests.support.problems import assert_problem

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


def admins_path(member: Membership, session: dict[str, Any] | None = None) -> str:
    path = f"admin/members/{member.id}/sessions"
    return path if session is None else f"{path}/{session['session_id']}"
