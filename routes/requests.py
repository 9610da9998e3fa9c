"""Reading requests: the form of a body and a query is judged before who sent it (contract.md)."""

import json
from collections import ChainMap
from typing import Any, NoReturn, cast

import marshmallow
from flask import Request, current_app, request
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from schemas.problem import Problem
from services.errors import ValidationFailed

BODY_BYTES = 64 * 1024  # contract.md, "Endpoints"


class Parser(FlaskParser):
    """Strict: unknown fields are refused, and so is what is not quite JSON."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - as webargs declares it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "json": marshmallow.RAISE,
        "query": marshmallow.RAISE,
        "headers": marshmallow.EXCLUDE,
    }

    def load_json(self, req: Request, schema: marshmallow.Schema) -> Any:
        body = req.get_data()
        if len(body) > BODY_BYTES:
            raise RequestEntityTooLarge
        if not body:
            return {}
        if req.mimetype != "application/json":
            raise UnsupportedMediaType
        try:
            return json.loads(body.decode(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise BadRequest from None

    def handle_error(
        self,
        error: marshmallow.ValidationError,
        req: Request,
        schema: marshmallow.Schema,
        **kwargs: Any,
    ) -> NoReturn:
        # webargs puts the location (json, query, headers) above the fields.
        by_location = cast("dict[str, dict[str, Any]]", error.messages)
        raise ValidationFailed(dict(ChainMap(*by_location.values()))) from None


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """A blueprint that reads requests so, and documents the problems that a route may answer."""

    ARGUMENTS_PARSER = Parser()

    def query(self, schema: type[marshmallow.Schema]) -> Any:
        """Take these query parameters. A route without this refuses any."""

        def decorate(view: Any) -> Any:
            wrapped = self.arguments(schema, location="query", as_kwargs=True)(view)
            wrapped.takes_query = True
            return wrapped

        return decorate

    def problems(self, *statuses: int) -> Any:
        """Document the problems with these statuses."""

        def decorate(view: Any) -> Any:
            for status in statuses:
                view = self.alt_response(
                    status, schema=Problem, content_type="application/problem+json"
                )(view)
            return view

        return decorate


def judge_form() -> None:
    """Before a request: size, then unknown query parameters. An unknown path comes first."""
    if request.routing_exception is not None:
        return
    if (request.content_length or 0) > BODY_BYTES:
        raise RequestEntityTooLarge
    view = current_app.view_functions[str(request.endpoint)]
    if request.path.startswith("/v1/") and not getattr(view, "takes_query", False) and request.args:
        raise ValidationFailed({name: ["Unknown field."] for name in request.args})


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
