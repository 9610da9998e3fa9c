"""For those who run the service: is it up, is it ready, what does it offer."""

import hmac
from collections.abc import Iterable

from flask import Blueprint, Response, request
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

import metrics
from context import context
from models.database import Database
from models.reach import NO_ORG
from routes.errors import problem
from routes.local import is_local
from services import expiry, readiness
from services.errors import NotAuthenticated
from wire.json import compact_json

blueprint = Blueprint("operations", __name__)

CLOCK_REQUEST_KINDS = {
    "clock.clock_in": "clock_in",
    "clock.clock_out": "clock_out",
    "clock.heartbeat": "heartbeat",
    "admin.force_clear": "force_clear",
    "admin.clear_unseen": "clear_unseen",
}


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """The process is up."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> Response:
    """The service can do its work: 200, or 503, with each part's state."""
    checks = states()
    # Keys of yesterday still verify: an issuer that is away must not take the service with it.
    needed = [state for name, state in checks.items() if name != "issuers"]
    if any(state != "ok" for state in needed) or not context().issuers.have_keys:
        return problem("database_unavailable", "Not ready: see checks.", checks=checks)
    return Response(compact_json({"status": "ok", "checks": checks}), mimetype="application/json")


@blueprint.get("/metrics")
def metrics_() -> Response:
    """All workers' metrics, for Prometheus."""
    require_right_to_metrics()
    answer = Response(
        metrics.exposed(PresencesByState(context().database)), content_type=metrics.CONTENT_TYPE
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


class PresencesByState(Collector):
    """Presences by state, counted in the database when they are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("presence_presences", "Presences by state.", labels=["state"])
        with self._database.read(NO_ORG) as session:
            active, stale = expiry.count_by_state(session)
        family.add_metric(["active"], active)
        family.add_metric(["stale"], stale)
        yield family


@blueprint.after_app_request
def count(response: Response) -> Response:
    """Count what was asked of presences, by its answer."""
    kind = CLOCK_REQUEST_KINDS.get(str(request.endpoint))
    if kind is not None:
        metrics.CLOCK_EVENTS.labels(kind, response.status_code).inc()
    return response


def states() -> dict[str, str]:
    """The state of each part: ``ok``, or what is wrong with it."""
    checks = readiness.of_database(context().database) | {"issuers": context().issuers.state()}
    feed_state = context().feed_state
    return checks if feed_state is None else {**checks, "change_feed": feed_state()}


def require_right_to_metrics() -> None:
    """Let in who has the token, or asks on this machine.

    :raises NotAuthenticated: neither
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_bearer = scheme.lower() == "bearer"
    if not (is_bearer and _is_metrics_token(given.strip())) and not is_local(request):
        raise NotAuthenticated("invalid" if is_bearer else "missing")


def _is_metrics_token(given: str) -> bool:
    wanted = context().settings.metrics_token
    return wanted is not None and hmac.compare_digest(
        given.encode("latin-1"), wanted.encode("utf-8", "surrogateescape")
    )
