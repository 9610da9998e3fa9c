"""What was: the history, the audit log, and the hours."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Response, request

from context import context
from routes.auth import reading_as_admin
from routes.requests import ApiBlueprint
from schemas.history import (
    AuditEvents,
    AuditEventsQuery,
    ClockEvents,
    ClockEventsQuery,
    TimeQuery,
    WorkingTime,
)
from services import hours, pages, working_time
from services.times import clamp, utc_now
from wire.negotiation import accepted

blueprint = ApiBlueprint(
    "history",
    __name__,
    url_prefix="/v1/admin",
    description="History, audit log and hours, for admins",
)

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)  # after 1970 began in every time zone


@blueprint.get("/clock-events")
@blueprint.arguments(ClockEventsQuery, location="query", as_kwargs=True)
@blueprint.response(200, ClockEvents)
@blueprint.texts(200, "text/csv")
@blueprint.problems(401, 403, 422, 503)
def list_clock_events(**query: Any) -> Response:
    """The history of presences, the newest first; JSON or CSV."""
    return _page(pages.CLOCK_EVENTS, query)


@blueprint.get("/audit-events")
@blueprint.arguments(AuditEventsQuery, location="query", as_kwargs=True)
@blueprint.response(200, AuditEvents)
@blueprint.texts(200, "text/csv")
@blueprint.problems(401, 403, 422, 503)
def list_audit_events(**query: Any) -> Response:
    """What admins changed and who signed in, the newest first; JSON or CSV."""
    return _page(pages.AUDIT_EVENTS, query)


@blueprint.get("/time")
@blueprint.arguments(TimeQuery, location="query", as_kwargs=True)
@blueprint.response(200, WorkingTime)
@blueprint.texts(200, "text/csv")
@blueprint.problems(401, 403, 422, 503)
def sum_time(
    by: str, tz: str, from_: datetime | None = None, to: datetime | None = None
) -> Response:
    """Working time by member, account and day; JSON or CSV."""
    with reading_as_admin() as (session, caller):
        now, zone = utc_now(), ZoneInfo(tz)
        end = to or now
        report = hours.report(
            session,
            caller.org.id,
            from_=from_ or working_time.start_of_month(clamp(end, EARLIEST, now), zone),
            to=end,
            by=by.split(","),
            tz=zone,
            expire_after_seconds=context().settings.expire_after,
            now=now,
        )
    return _json_or_csv(report)


def _page(log: pages.Log, query: dict[str, Any]) -> Response:
    with reading_as_admin() as (session, caller):
        page = pages.load(session, log, caller.org.id, **query)
    answer = _json_or_csv(page)
    if page.next is not None:
        following = urlencode({**request.args, "cursor": page.next})
        answer.headers["Link"] = f'<{request.path}?{following}>; rel="next"'
    return answer


def _json_or_csv(found: pages.Page | hours.Report) -> Response:
    media_type = accepted(request.headers.get("Accept"), ("application/json", "text/csv"))
    body = found.as_csv() if media_type == "text/csv" else found.as_json()
    return Response(body, mimetype=media_type)
