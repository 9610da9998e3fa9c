"""For those who run the service: is it up, is it ready, what does it offer."""

from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, json, send_from_directory
from sqlalchemy.exc import SQLAlchemyError

from models.migrations import current_revision, head_revision
from routes.context import context
from routes.errors import problem

blueprint = Blueprint("operations", __name__)

SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """The process is up."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> Response:
    """The service can do its work: 200, or 503, with each part's state."""
    checks = readiness()
    if any(state != "ok" for state in checks.values()):
        return problem("database_unavailable", "Not ready: see checks.", checks=checks)
    return Response(json.dumps({"status": "ok", "checks": checks}), mimetype="application/json")


@blueprint.get("/docs/assets/<path:name>")
def docs_asset(name: str) -> Response:
    """Swagger UI's files, from the package: no other host is asked."""
    return send_from_directory(SWAGGER_UI, name, max_age=86400)


def readiness() -> dict[str, str]:
    """The state of each part: ``ok``, or what is wrong with it."""
    try:
        with context().database.read() as session:
            at = current_revision(session.connection())
    except SQLAlchemyError:
        return {"database": "unreachable", "migrations": "unknown"}
    head = head_revision()
    return {"database": "ok", "migrations": "ok" if at == head else f"at {at}, not {head}"}
