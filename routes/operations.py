"""For those who run the service: is it up, is it ready, what does it offer."""

import hmac
from ipaddress import ip_address
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, json, request, send_from_directory
from sqlalchemy.exc import SQLAlchemyError

from live import metrics
from models.migrations import current_revision, head_revision, is_behind
from routes.context import context
from routes.errors import problem
from services.errors import NotAuthenticated

blueprint = Blueprint("operations", __name__)

KINDS = {
    "clock.clock_in": "clock_in",
    "clock.clock_out": "clock_out",
    "clock.heartbeat": "heartbeat",
    "admin.force_clear": "force_clear",
    "admin.clear_unseen": "clear_unseen",
}
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


@blueprint.get("/metrics")
def metrics_() -> Response:
    """All workers' metrics, for Prometheus."""
    may_read_metrics()
    return Response(metrics.exposed(context().database), content_type=metrics.CONTENT_TYPE)


@blueprint.after_app_request
def count(response: Response) -> Response:
    """Count what was asked of presences, by its answer."""
    kind = KINDS.get(str(request.endpoint))
    if kind is not None:
        metrics.CLOCK_EVENTS.labels(kind, response.status_code).inc()
    return response


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
    migrations = f"at {at}, not {head_revision()}" if is_behind(at) else "ok"
    checks = {"database": "ok", "migrations": migrations}
    feed_state = context().feed_state
    return checks if feed_state is None else {**checks, "change_feed": feed_state()}


def may_read_metrics() -> None:
    """Let in who is on this machine, or has the token.

    :raises NotAuthenticated: neither
    """
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    wanted = context().settings.metrics_token
    has_token = wanted is not None and hmac.compare_digest(given.encode(), wanted.encode())
    # A proxy on this machine brings everyone's requests.
    is_forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    is_local = ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104 - no bind
    if not (has_token or (is_local and not is_forwarded)):
        raise NotAuthenticated("invalid" if given else "missing")
