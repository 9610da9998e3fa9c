"""What was: the history, the audit log, and the hours."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema

import models
from context import context
from routes.auth import reading_as_admin
from routes.requests import ApiBlueprint
from schemas.history import (
    AuditEvent,
    AuditEvents,
    AuditEventsQuery,
    ClockEvents,
    ClockEventsQuery,
    TimeQuery,
    TimeTableRow,
    WorkingTime,
)
from schemas.presence import ClockEvent
from services import event_pages, hours, working_time
from services.scopes import HISTORY_READ
from services.times import clamp, utc_now

blueprint = ApiBlueprint(
    "history",
    __name__,
    url_prefix="/v1/admin",
    description="History, audit log and hours, for admins",
)

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)  # after 1970 began in every time zone


def _time_columns(report: hours.Report) -> list[str]:
    return [*report.columns, "seconds", "hours"]


@blueprint.get("/clock-events")
@blueprint.arguments(ClockEventsQuery, location="query", as_kwargs=True)
@blueprint.formats(200, ClockEvents, "clock_events")
@blueprint.problems()
def list_clock_events(**query: Any) -> dict[str, Any]:
    """The history of presences, the newest first."""
    page = _page(models.ClockEvent, ClockEvent, query)
    return {"clock_events": page.entries, "next": page.next}


@blueprint.get("/audit-events")
@blueprint.arguments(AuditEventsQuery, location="query", as_kwargs=True)
@blueprint.formats(200, AuditEvents, "audit_events")
@blueprint.problems()
def list_audit_events(**query: Any) -> dict[str, Any]:
    """What admins changed and who signed in, the newest first."""
    page = _page(models.AuditEvent, AuditEvent, query)
    return {"audit_events": page.entries, "next": page.next}


@blueprint.get("/time")
@blueprint.arguments(TimeQuery, location="query", as_kwargs=True)
@blueprint.formats(200, WorkingTime, "rows", row=TimeTableRow, columns=_time_columns)
@blueprint.problems()
def sum_time(
    by: str, tz: str, from_: datetime | None = None, to: datetime | None = None
) -> hours.Report:
    """Working time by member, account and day."""
    with reading_as_admin(scope=HISTORY_READ) as (session, caller):
        now, zone = utc_now(), ZoneInfo(tz)
        end = to or now
        return hours.report(
            session,
            caller.org.id,
            from_=from_ or working_time.start_of_month(clamp(end, EARLIEST, now), zone),
            to=end,
            by=by.split(","),
            tz=zone,
            expire_after_seconds=context().settings.expire_after,
            now=now,
        )


def _page(table: event_pages.Table, entry: type[Schema], query: dict[str, Any]) -> event_pages.Page:
    with reading_as_admin(scope=HISTORY_READ) as (session, caller):
        return event_pages.load(session, table, entry().fields, caller.org.id, **query)
