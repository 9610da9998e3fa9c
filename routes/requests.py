"""Reading requests: the form of a body and a query is checked before who sent it (contract.md)."""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from itertools import islice
from typing import Any, Literal, cast

import marshmallow
from flask import Request, Response, current_app, request
from flask.globals import request_ctx
from flask_smorest import Blueprint
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from routes import listings
from schemas.problem import Problem
from services.errors import ValidationFailed
from wire.body_size import BODY_BYTES, most_bytes
from wire.dumping import dump_of
from wire.formats import FORMATS
from wire.json import compact_json, strict_json
from wire.json_format import JSON
from wire.listings import shape

# Thousands of unknown fields fit in a request; they are not all worth an answer.
NAMED_FIELDS = 20
CONTENT_TYPE_BYTES = 256
Location = Literal["json", "query", "headers"]
MERGE_PATCH = "application/merge-patch+json"  # RFC 7396


# For the request's form, the caller's token, a service's scopes, and a database that is away.
OF_EVERY_ENDPOINT = (400, 401, 403, 413, 415, 422, 503)


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """A blueprint that reads requests so, and documents all that a route may answer.

    flask-smorest documents. It would also wrap a view once for each answer that it may give.
    """

    def arguments(
        self,
        schema: type[marshmallow.Schema],
        *,
        location: Location = "json",
        as_kwargs: bool = False,
        required: bool = True,
    ) -> Any:
        """Take a body, a query or headers. What a view does not take so, it refuses."""
        taken = schema()
        document = super().arguments(taken, location=location, required=required)

        def decorate(view: Any) -> Any:
            @wraps(view)
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                try:
                    found = taken.load(_READ[location](taken))
                except marshmallow.ValidationError as error:
                    raise _failed(cast("dict[str, Any]", error.messages)) from None
                if as_kwargs:
                    return view(*args, **kwargs, **found)
                return view(*args, found, **kwargs)

            wrapped.takes = {*getattr(view, "takes", ()), location}  # type: ignore[attr-defined]
            return _documented(document, wrapped)

        return decorate

    def response(
        self, status: int, schema: type[marshmallow.Schema] | None = None, **documented: Any
    ) -> Any:
        """Answer so, unless the view makes the response itself."""
        shape = schema() if schema is not None else None
        document = super().response(status, shape, **documented)

        def decorate(view: Any) -> Any:
            if shape is None:
                return _documented(document, view)
            dump = dump_of(shape)

            @wraps(view)
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                result = view(*args, **kwargs)
                found, status_, headers = (
                    result if isinstance(result, tuple) else (result, status, {})
                )
                if isinstance(found, Response):
                    return result
                response = Response(compact_json(dump(found)), status_, mimetype=JSON.media_type)
                response.headers.update(headers)
                return response

            return _documented(document, wrapped)

        return decorate

    def alt_response(self, status: int, **documented: Any) -> Any:
        """Document a further answer."""
        document = super().alt_response(status, **documented)
        return partial(_documented, document)

    def doc(self, **documented: Any) -> Any:
        """Document what no schema says."""
        return partial(_documented, super().doc(**documented))

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


def _body(_schema: marshmallow.Schema) -> Any:
    return body_of(request)


def _query(_schema: marshmallow.Schema) -> Mapping[str, str]:
    return request.args.to_dict()  # none is repeated: check_form()


def _headers(schema: marshmallow.Schema) -> Mapping[str, str]:
    """Those that the schema names."""
    names = [field.data_key or name for name, field in schema.fields.items()]
    return {name: request.headers[name] for name in names if name in request.headers}


_READ: dict[Location, Callable[[marshmallow.Schema], Any]] = {
    "json": _body,
    "query": _query,
    "headers": _headers,
}


def _documented(document: Any, view: Any) -> Any:
    """The view itself, with what a decorator of flask-smorest's documents."""
    view._apidoc = document(view)._apidoc
    return view


def check_form() -> None:
    """Refuse a request that is too large, or has unknown or repeated fields.

    An unknown path is left to its 404.
    """
    asked = request_ctx.request  # each use of `request` looks it up
    if asked.routing_exception is not None or asked.method == "OPTIONS":
        return
    most = most_bytes(asked.path)
    # One more than is allowed: Werkzeug cuts a chunked body off here and says nothing, so that
    # only its length can tell (body_of).
    asked.max_content_length = most + 1
    if (asked.content_length or 0) > most:
        raise RequestEntityTooLarge
    if asked.blueprint == "board" or asked.path.startswith("/docs"):
        return  # a browser's page: links and caches may add to its address
    takes = getattr(current_app.view_functions[str(asked.endpoint)], "takes", ())
    doubled, unknown = set(), set()
    if asked.query_string:
        doubled = {name for name, values in asked.args.lists() if len(values) > 1}
        unknown = set() if "query" in takes else set(asked.args)
    if "json" not in takes:
        body = body_of(asked)
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
    if not _is_json(req) or req.content_encoding:
        raise UnsupportedMediaType
    try:
        return strict_json(body)
    except (ValueError, RecursionError):
        raise BadRequest from None


def _is_json(req: Request) -> bool:
    given = req.headers.get("Content-Type", "")
    if given == JSON.media_type:  # as most send it
        return True
    if len(given) > CONTENT_TYPE_BYTES:
        return False
    is_utf8 = req.mimetype_params.get("charset", "utf-8").lower() == "utf-8"
    may_be_patch = req.method == "PATCH" and req.mimetype == MERGE_PATCH
    return is_utf8 and (req.mimetype == JSON.media_type or may_be_patch)
