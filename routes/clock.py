"""Clocking in and out, and heartbeats."""

from typing import Any

from flask import Response

from context import context
from routes.auth import clocking_by_access_code, clocking_by_token, writing
from routes.errors import Bare
from routes.headers import seen_by
from routes.requests import ApiBlueprint
from schemas.clock import ClockedIn, ClockedOut, IdempotencyHeaders
from schemas.presence import ClockInRequest, ClockOutRequest, HeartbeatRequest
from services import clocking, heartbeats, signing_in
from services.clock_state import Asked
from services.times import utc_now

blueprint = ApiBlueprint("clock", __name__, url_prefix="/v1", description="Clocking in and out")


@blueprint.post("/clock-in")
@blueprint.arguments(ClockInRequest)
@blueprint.arguments(IdempotencyHeaders, location="headers", as_kwargs=True)
@blueprint.response(201, ClockedIn)
@blueprint.alt_response(200, schema=ClockedIn, description="Already on that account")
@blueprint.problems(404, 409, 410, 429)
def clock_in(body: dict[str, Any], key: str | None) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Put the caller on an account, leaving any other."""
    typed = body.pop("access_code", None)
    asked = Asked(body.get("account_id"), "occurred_at" in body)
    as_caller = (
        clocking_by_token(asked, key)
        if typed is None
        else clocking_by_access_code(typed, asked, key)
    )
    with as_caller as (change, caller):
        answer = clocking.clock_in(change, caller, **body, key=key)
        token = signing_in.token_of(change, caller)
    return (
        {
            "caller": caller,
            "token": token,
            "settings": context().settings,
            "presence": answer.held,
            "released_account_id": answer.released_account_id,
        },
        201 if answer.is_new else 200,
        seen_by(change, caller),
    )


@blueprint.post("/clock-out")
@blueprint.arguments(ClockOutRequest, required=False)
@blueprint.arguments(IdempotencyHeaders, location="headers", as_kwargs=True)
@blueprint.response(200, ClockedOut)
@blueprint.problems(410, 429)
def clock_out(
    body: dict[str, Any], key: str | None
) -> tuple[clocking.ClockedOut, int, dict[str, str]]:
    """End the caller's presence."""
    asked = Asked(is_queued="occurred_at" in body)
    with clocking_by_token(asked, key) as (change, caller):
        answer = clocking.clock_out(change, caller, **body, key=key)
    return answer, 200, seen_by(change, caller)


@blueprint.post("/heartbeat")
@blueprint.arguments(HeartbeatRequest)
@blueprint.response(204)
@blueprint.problems(410)
def heartbeat(body: dict[str, Any]) -> Response:
    """Say that the caller is still there."""
    with writing() as (session, caller):
        fresh = heartbeats.beat(
            session,
            caller.member,
            **body,
            account_id=caller.bound_account_id,
            settings=context().settings,
            now=utc_now(),
        )
    if not fresh:
        # Another transaction: on PostgreSQL an update that waited for a row keeps it locked even
        # where it then leaves it alone, and the holder of the org's lock may want that row.
        with clocking_by_token() as (change, caller):
            clocking.revive(change, caller, **body)
    return Bare(status=204)
