"""The errors of Flask's requests as problems (RFC 9457); ``live/`` makes those of its own."""

from typing import Any

from flask import Flask, Response, current_app, g, request
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from models.constraints import violated
from models.unavailable import cause_of, is_unavailable
from routes import request_ids, request_log
from routes.requests import MERGE_PATCH
from services.errors import Refusal
from wire import problems
from wire.answers import Answer

_OF_HTTP = {
    404: ("not_found", "There is nothing at this address. See /docs."),
    405: ("method_not_allowed", "Use a method named in the Allow header."),
    413: ("too_large", "The body is larger than is allowed here."),
    415: ("unsupported_media_type", "Send JSON, with Content-Type: application/json."),
}


def problem(code: str, detail: str, **fields: Any) -> Response:
    """The problem as Flask's response."""
    request_id = request_ids.current()
    return _told(code, problems.problem(code, detail, request_id=request_id, **fields))


class Bare(Response):
    """A response with no more headers than it is given: a 204 or 304 has no type."""

    default_mimetype = None


def response(answer: Answer) -> Response:
    """An answer as Flask's response."""
    return Bare(answer.body or None, answer.status, answer.headers)


def register(app: Flask) -> None:
    """Answer every error of ``app`` with a problem."""
    app.register_error_handler(Refusal, _refusal)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(PoolTimeout, _database_unavailable)
    app.register_error_handler(Exception, _internal_error)


def _refusal(refusal: Refusal) -> Response:
    return _told(refusal.code, problems.refused(refusal, request_id=request_ids.current()))


def _told(code: str, answer: Answer) -> Response:
    """The response, which the log of requests knows as a problem."""
    g.problem_code = code
    return response(answer)


def _http_exception(error: HTTPException) -> Response:
    code, detail = _OF_HTTP.get(
        error.code or 500, ("malformed_request", "The request can't be read.")
    )
    answer = problem(code, detail)
    if error.code == 405:
        answer.headers["Allow"] = dict(error.get_headers())["Allow"]
    if error.code == 415 and request.method == "PATCH":
        answer.headers["Accept-Patch"] = f"{MERGE_PATCH}, application/json"
    return answer


def _database_error(error: DBAPIError) -> Response:
    if is_unavailable(error) or _is_of_another_writer(error):
        return _database_unavailable(error)
    return _internal_error(error)


def _is_of_another_writer(error: DBAPIError) -> bool:
    """Whether somebody took the account without the org's lock: a retry finds who it is."""
    by = violated(error) if isinstance(error, IntegrityError) else None
    return by == "uq_account_presence_account_id"


def _database_unavailable(error: Exception) -> Response:
    request_log.tell(**cause_of(error))
    answer = problems.database_unavailable(request_id=request_ids.current())
    return _told("database_unavailable", answer)


def _internal_error(error: Exception) -> Response:
    request_id = request_ids.current()
    current_app.logger.error("Request %s failed", request_id, exc_info=error)
    return _told("internal_error", problems.internal_error(request_id=request_id))
