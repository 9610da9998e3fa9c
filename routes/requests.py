"""Reading requests: the form of a body and a query is checked before who sent it (contract.md)."""

from collections import ChainMap
from collections.abc import Mapping
from functools import wraps
from itertools import islice
from typing import Any, NoReturn, cast

import marshmallow
from flask import Request, current_app, request
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from routes import listings
from schemas.problem import Problem
from services.errors import ValidationFailed
from wire.body_size import BODY_BYTES, most_bytes
from wire.formats import FORMATS
from wire.json import strict_json
from wire.json_format import JSON
from wire.listings import shape

# Thousands of unknown fields fit in a request; they are not all worth an answer.
NAMED_FIELDS = 20
CONTENT_TYPE_BYTES = 256
MERGE_PATCH = "application/merge-patch+json"  # RFC 7396


# For the request's form, the caller's token, a service's scopes, and a database that is away.
OF_EVERY_ENDPOINT = (400, 401, 403, 413, 415, 422, 503)


class Parser(FlaskParser):
    """Refuses unknown fields, unless the schema says otherwise, and anything but strict JSON."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - as webargs declares it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "json": None,
        "query": marshmallow.RAISE,
        "headers": marshmallow.EXCLUDE,
    }

    def load_json(self, req: Request, schema: marshmallow.Schema) -> Any:
        return body_of(req)

    def handle_error(
        self,
        error: marshmallow.ValidationError,
        req: Request,
        schema: marshmallow.Schema,
        **kwargs: Any,
    ) -> NoReturn:
        # webargs puts the location (json, query, headers) above the fields.
        by_location = cast("dict[str, dict[str, Any]]", error.messages)
        raise _failed(ChainMap(*by_location.values())) from None


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """A blueprint that reads requests so, and documents all that a route may answer."""

    ARGUMENTS_PARSER = Parser()

    def arguments(self, schema: Any, *, location: str = "json", **kwargs: Any) -> Any:
        """Take a body, a query or headers. What a view does not take so, it refuses."""
        decorate = super().arguments(schema, location=location, **kwargs)

        def take(view: Any) -> Any:
            wrapped = decorate(view)
            wrapped.takes = {*getattr(view, "takes", ()), location}
            return wrapped

        return take

    def headers(self, descriptions: dict[str, str]) -> Any:
        """Document the request's headers, by their names."""
        parameters = [
            {"in": "header", "name": name, "description": text, "schema": {"type": "string"}}
            for name, text in descriptions.items()
        ]
        return self.doc(parameters=parameters)

    def formats(
        self,
        status: int,
        schema: type[marshmallow.Schema],
        rows: str | None = None,
        **more: Any,
    ) -> Any:
        """Answer with ``schema`` in any format, as Accept asks: see ``wire/listings.py``."""
        of_result = shape(schema, rows, **more)

        def decorate(view: Any) -> Any:
            @wraps(view)
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                result = view(*args, **kwargs)
                if not isinstance(result, tuple):
                    return listings.response(of_result, result)
                return (listings.response(of_result, result[0]), *result[1:])

            return self.other_formats(status)(self.response(status, schema)(wrapped))

        return decorate

    def other_formats(self, status: int) -> Any:
        """Document that the answer may also have another format than JSON."""

        def decorate(view: Any) -> Any:
            for media_type in FORMATS:
                if media_type != JSON.media_type:
                    view = self.alt_response(
                        status, schema={"type": "string"}, content_type=media_type
                    )(view)
            return view

        return decorate

    def problems(self, *statuses: int) -> Any:
        """Document the problems with these statuses, and those that every endpoint has."""

        def decorate(view: Any) -> Any:
            for status in sorted({*OF_EVERY_ENDPOINT, *statuses}):
                view = self.alt_response(
                    status, schema=Problem, content_type="application/problem+json"
                )(view)
            return view

        return decorate


def check_form() -> None:
    """Refuse a request that is too large, or has unknown or repeated fields.

    An unknown path is left to its 404.
    """
    if request.routing_exception is not None or request.method == "OPTIONS":
        return
    most = most_bytes(request.path)
    # One more than is allowed: Werkzeug cuts a chunked body off here and says nothing, so that
    # only its length can tell (body_of).
    request.max_content_length = most + 1
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
    if request.blueprint == "board" or request.path.startswith("/docs"):
        return  # a browser's page: links and caches may add to its address
    takes = getattr(current_app.view_functions[str(request.endpoint)], "takes", ())
    doubled = {name for name, values in request.args.lists() if len(values) > 1}
    unknown = set() if "query" in takes else set(request.args)
    if "json" not in takes:
        body = body_of(request)
        unknown |= set(body) if isinstance(body, dict) else {"_schema"}
    if doubled or unknown:
        raise _failed(
            {name: ["Given more than once."] for name in doubled}
            | {name: ["Unknown field."] for name in unknown}
        )


def has_large_body() -> bool:
    """Whether the request's body is too large to be read before it is known who sent it."""
    # A server that passes chunks on does not tell how many there are.
    is_chunked = "Transfer-Encoding" in request.headers and request.content_length is None
    return is_chunked or (request.content_length or 0) > BODY_BYTES


def _failed(errors: Mapping[str, Any]) -> ValidationFailed:
    return ValidationFailed(dict(islice(errors.items(), NAMED_FIELDS)))


def body_of(req: Request) -> Any:
    """The request's JSON; an empty body is ``{}``."""
    body = req.get_data()
    if len(body) > most_bytes(req.path):
        raise RequestEntityTooLarge
    if not body:
        return {}
    if len(req.headers.get("Content-Type", "")) > CONTENT_TYPE_BYTES:
        raise UnsupportedMediaType
    is_utf8 = req.mimetype_params.get("charset", "utf-8").lower() == "utf-8"
    is_json = req.mimetype == "application/json" or (
        req.method == "PATCH" and req.mimetype == MERGE_PATCH
    )
    if not is_json or not is_utf8 or req.content_encoding:
        raise UnsupportedMediaType
    try:
        return strict_json(body)
    except (ValueError, RecursionError):
        raise BadRequest from None
