"""Signing in, renewing, and who one is."""

from typing import Any

from routes import guessing
from routes.auth import reading
from routes.context import context
from routes.requests import ApiBlueprint
from schemas.clock import Me, Session, SessionRequest
from schemas.fields import Empty
from services import callers, sessions
from services.times import utc_now

blueprint = ApiBlueprint("sessions", __name__, url_prefix="/v1", description="Signing in")


@blueprint.post("/sessions")
@blueprint.doc(security=[])
@blueprint.arguments(SessionRequest)
@blueprint.response(200, Session)
@blueprint.problems(401, 422, 429, 503)
def open_session(body: dict[str, Any]) -> dict[str, Any]:
    """Sign in with an access code, without clocking in."""
    guessing.require_right(body["access_code"])
    settings = context().settings
    with context().database.read() as session:
        caller = callers.by_access_code(
            session, body["access_code"], settings=settings, now=utc_now()
        )
        return sessions.with_accounts(session, caller, settings=settings, now=utc_now())


@blueprint.post("/sessions/renew")
@blueprint.arguments(Empty, required=False)
@blueprint.response(200, Session)
@blueprint.problems(401, 422, 503)
def renew(_body: dict[str, Any]) -> dict[str, Any]:
    """Get a new token for one that has not run out."""
    settings = context().settings
    with reading() as (session, caller):
        renewed = callers.renewed(caller, settings=settings, now=utc_now())
        return sessions.with_accounts(session, renewed, settings=settings, now=utc_now())


@blueprint.get("/me")
@blueprint.response(200, Me)
@blueprint.problems(401, 422, 503)
def me() -> dict[str, Any]:
    """The caller, their org and their presence."""
    with reading() as (session, caller):
        settings, now = context().settings, utc_now()
        presence = sessions.own_presence(session, caller, settings=settings, now=now)
        return sessions.described(caller, presence)
