"""The shape of every error."""

from typing import Any

from werkzeug.test import TestResponse


def assert_problem(answer: TestResponse, status: int, code: str, **fields: Any) -> dict[str, Any]:
    """``answer`` is this problem in the form of contract.md, and carries ``fields``."""
    assert answer.mimetype == "application/problem+json", answer.data
    body: dict[str, Any] = answer.get_json(force=True)
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["status"] == status
    assert body["type"] == f"urn:presence:{code}"
    assert body["title"]
    assert body["detail"]
    assert {name: body.get(name) for name in fields} == fields
    if answer.request.path.startswith("/v1/"):
        assert answer.headers["Cache-Control"] == "no-store"
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    if status == 503:
        assert int(answer.headers["Retry-After"]) > 0
    return body
