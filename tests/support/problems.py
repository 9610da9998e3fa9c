"""The shape of every error."""

from typing import Any

from tests.support.app_client import AppAnswer


def assert_problem(answer: AppAnswer, status: int, code: str, **fields: Any) -> dict[str, Any]:
    """``answer`` is this problem in the form of contract.md, and carries ``fields``."""
    assert answer.mimetype == "application/problem+json", answer.data
    body: dict[str, Any] = answer.get_json(force=True)
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["status"] == status
    assert body["type"] == f"/problems/{code}"
    assert body["title"]
    assert body["detail"]
    assert {name: body.get(name) for name in fields} == fields
    if answer.request.path.startswith("/v1/"):
        assert answer.headers["Cache-Control"] == "no-store"
    if status == 401:
        is_bad = body.get("reason", "missing") != "missing"
        challenge = 'Bearer error="invalid_token"' if is_bad else "Bearer"
        assert answer.headers["WWW-Authenticate"] == challenge
    if status == 503:
        assert int(answer.headers["Retry-After"]) > 0
    return body
