"""Problems (RFC 9457): every error, as the answer that says it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.problem import Problem
from services.errors import InsufficientScope, Refusal, TooMany
from wire.answers import Answer, of_body
from wire.json import compact_json

RETRY_AFTER_SECONDS = 2  # one poll later
INVALID_TOKEN = 'Bearer error="invalid_token"'  # noqa: S105 - RFC 6750, 3.1


_MEMBERS = Problem().fields


class ProblemType(NamedTuple):
    status: int
    title: str


# By code: contract.md, "Errors".
PROBLEM_TYPES = {
    "malformed_request": ProblemType(400, "Malformed request"),
    "not_authenticated": ProblemType(401, "Not authenticated"),
    "access_code_rejected": ProblemType(401, "Access code rejected"),
    "admin_only": ProblemType(403, "Admins only"),
    "account_not_allowed": ProblemType(403, "Account not allowed"),
    "not_renewable": ProblemType(403, "Not renewable"),
    "no_session": ProblemType(403, "No session"),
    "insufficient_scope": ProblemType(403, "Insufficient scope"),
    "not_found": ProblemType(404, "Not found"),
    "account_not_found": ProblemType(404, "Account not found"),
    "not_occupied": ProblemType(404, "Not occupied"),
    "method_not_allowed": ProblemType(405, "Method not allowed"),
    "account_occupied": ProblemType(409, "Account occupied"),
    "name_taken": ProblemType(409, "Name taken"),
    "id_taken": ProblemType(409, "Id taken"),
    "last_admin": ProblemType(409, "Last admin"),
    "presence_ended": ProblemType(410, "Presence ended"),
    "too_large": ProblemType(413, "Too large"),
    "unsupported_media_type": ProblemType(415, "Unsupported media type"),
    "validation_failed": ProblemType(422, "Validation failed"),
    "account_required": ProblemType(422, "Account required"),
    "org_required": ProblemType(422, "Org required"),
    "idempotency_key_reused": ProblemType(422, "Idempotency key reused"),
    "too_many_attempts": ProblemType(429, "Too many attempts"),
    "too_many_requests": ProblemType(429, "Too many requests"),
    "internal_error": ProblemType(500, "Internal error"),
    "database_unavailable": ProblemType(503, "Database unavailable"),
    "busy": ProblemType(503, "Busy"),
}


def problem(code: str, detail: str, *, request_id: str, **fields: Any) -> Answer:
    """The answer for an error: ``code`` as in contract.md, and the members it names."""
    status, title = PROBLEM_TYPES[code]
    document = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **fields,
        "request_id": request_id,
    }
    body = compact_json(document)
    headers = of_body(body, "application/problem+json")
    if status == 401:
        is_missing = fields.get("reason", "missing") == "missing"
        headers["WWW-Authenticate"] = "Bearer" if is_missing else INVALID_TOKEN
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Answer(status, headers, body)


def members_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A refusal's fields as the problem's further members."""
    return {name: _MEMBERS[name].serialize(name, fields) for name in fields}


def refused(refusal: Refusal, *, request_id: str) -> Answer:
    """The problem that a refusal is."""
    answer = problem(
        refusal.code, refusal.detail, request_id=request_id, **members_of(refusal.fields)
    )
    if isinstance(refusal, TooMany):
        answer.headers["Retry-After"] = str(refusal.retry_after_seconds)
    if isinstance(refusal, InsufficientScope):
        challenge = f'Bearer error="insufficient_scope", scope="{refusal.scope}"'
        answer.headers["WWW-Authenticate"] = challenge
    return answer


def database_unavailable(*, request_id: str) -> Answer:
    """The problem for a database that is away or did not answer in time."""
    detail = "The database can't answer now. Try again shortly."
    return problem("database_unavailable", detail, request_id=request_id)


def internal_error(*, request_id: str) -> Answer:
    """The problem for a fault of the service."""
    detail = "This is a fault of the service. It has been logged."
    return problem("internal_error", detail, request_id=request_id)
