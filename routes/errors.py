"""Every error of every path as a problem (RFC 9457), translated in this one place."""

from typing import Any, NamedTuple

from flask import Flask, Response, current_app, json
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from services.errors import Refusal

RETRY_AFTER_SECONDS = 2  # one poll later


class Kind(NamedTuple):
    status: int
    title: str


# contract.md, "Errors"
KINDS = {
    "malformed_request": Kind(400, "Malformed request"),
    "not_authenticated": Kind(401, "Not authenticated"),
    "access_code_rejected": Kind(401, "Access code rejected"),
    "admin_only": Kind(403, "Admins only"),
    "account_not_allowed": Kind(403, "Account not allowed"),
    "not_found": Kind(404, "Not found"),
    "account_not_found": Kind(404, "Account not found"),
    "not_occupied": Kind(404, "Not occupied"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "account_occupied": Kind(409, "Account occupied"),
    "name_taken": Kind(409, "Name taken"),
    "last_admin": Kind(409, "Last admin"),
    "presence_ended": Kind(410, "Presence ended"),
    "too_large": Kind(413, "Too large"),
    "unsupported_media_type": Kind(415, "Unsupported media type"),
    "validation_failed": Kind(422, "Validation failed"),
    "account_required": Kind(422, "Account required"),
    "idempotency_key_reused": Kind(422, "Idempotency key reused"),
    "internal_error": Kind(500, "Internal error"),
    "database_unavailable": Kind(503, "Database unavailable"),
}

_OF_HTTP = {
    404: ("not_found", "There is nothing at this address. See /docs."),
    405: ("method_not_allowed", "Use a method named in the Allow header."),
    413: ("too_large", "The body is larger than 64 KiB."),
    415: ("unsupported_media_type", "Send JSON, with Content-Type: application/json."),
}


def problem(code: str, detail: str, **fields: Any) -> Response:
    """The answer for an error: ``code`` as in contract.md, and the members it names."""
    status, title = KINDS[code]
    body = {
        "type": f"urn:presence:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **fields,
    }
    response = Response(json.dumps(body), status, mimetype="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def register(app: Flask) -> None:
    """Answer every error of ``app`` with a problem."""
    app.register_error_handler(Refusal, _refusal)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(PoolTimeout, _database_unavailable)
    app.register_error_handler(Exception, _internal_error)


def _refusal(refusal: Refusal) -> Response:
    return problem(refusal.code, refusal.detail, **refusal.fields)


def _http_exception(error: HTTPException) -> Response:
    code, detail = _OF_HTTP.get(
        error.code or 500, ("malformed_request", "The request can't be read.")
    )
    response = problem(code, detail)
    if error.code == 405:
        response.headers["Allow"] = dict(error.get_headers())["Allow"]
    return response


def _database_error(error: DBAPIError) -> Response:
    # Gone, restarting, or a lock, statement or busy timeout; all else is a fault of ours.
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return _database_unavailable(error)
    return _internal_error(error)


def _database_unavailable(error: Exception) -> Response:
    current_app.logger.warning("The database did not answer: %s", type(error).__name__)
    return problem("database_unavailable", "The database can't answer now. Try again shortly.")


def _internal_error(error: Exception) -> Response:
    current_app.logger.error("A request failed", exc_info=error)
    return problem("internal_error", "This is a fault of the service. It has been logged.")
