"""Signing in, renewing, signing out, and who one is."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import orm

from context import context
from routes.auth import changing_by_token, clocking_by_access_code, reading, writing
from routes.errors import Bare
from routes.requests import ApiBlueprint
from schemas.clock import Me, Session, SessionRequest
from schemas.fields import Empty
from schemas.sessions import MemberSessions
from services import accounts, ending_sessions, sessions, signing_in
from services.callers import Caller
from services.scopes import ANY, PRESENCE_READ
from services.times import utc_now
from services.tokens import Token
from wire import account_lists
from wire.dumping import dump_of
from wire.json import WrittenJson, json_object
from wire.json_format import JSON

blueprint = ApiBlueprint("sessions", __name__, url_prefix="/v1", description="Signing in and out")
_dump = dump_of(Session())


@blueprint.post("/sessions")
@blueprint.doc(security=[])
@blueprint.arguments(SessionRequest)
@blueprint.response(200, Session)
@blueprint.problems(429)
def open_session(body: dict[str, Any]) -> Response:
    """Sign in with an access code, without clocking in."""
    with clocking_by_access_code(body["access_code"]) as (change, caller):
        token = sessions.sign_in(change, caller)
        return _signed_in(change.session, caller, token, now=change.now)


@blueprint.post("/sessions/renew")
@blueprint.arguments(Empty, required=False)
@blueprint.response(200, Session)
@blueprint.problems(429)
def renew(_body: dict[str, Any]) -> Response:
    """Get a new token for one that has not run out."""
    settings, now = context().settings, utc_now()
    with writing(scope=ANY) as (session, caller):
        token = sessions.renew(
            session, caller.member, caller.renewable_session(), settings=settings, now=now
        )
        return _signed_in(session, caller, token, now=now)


@blueprint.delete("/sessions/current")
@blueprint.response(204)
@blueprint.problems(429)
def sign_out() -> Response:
    """End the caller's session, and with it all its tokens."""
    with changing_by_token() as (change, caller):
        ending_sessions.sign_out(change, caller.member, caller.session_to_end().id)
    return Bare(status=204)


@blueprint.get("/me")
@blueprint.response(200, Me)
@blueprint.problems()
def me() -> dict[str, Any]:
    """The caller, their org and their presence."""
    with reading(scope=PRESENCE_READ) as (session, caller):
        settings, now = context().settings, utc_now()
        presence = signing_in.own_presence(session, caller, settings=settings, now=now)
        return {"caller": caller, "presence": presence}


@blueprint.get("/me/sessions")
@blueprint.formats(200, MemberSessions, "sessions")
@blueprint.problems()
def list_own_sessions() -> dict[str, Any]:
    """Where the caller is signed in, the newest first."""
    with reading() as (session, caller):
        if caller.session is None:  # an issuer's token: it is signed in nowhere
            return {"sessions": [], "next": None}
        found = sessions.list_sessions(
            session,
            caller.member,
            current=caller.session,
            now=utc_now(),
            account_id=caller.bound_account_id,
        )
        return {"sessions": found, "next": None}


@blueprint.delete("/me/sessions/<uuid:session_id>")
@blueprint.response(204)
@blueprint.problems(404, 429)
def end_own_session(session_id: UUID) -> Response:
    """Sign out elsewhere."""
    with changing_by_token() as (change, caller):
        ending_sessions.sign_out(
            change, caller.member, session_id, account_id=caller.bound_account_id
        )
    return Bare(status=204)


def _signed_in(session: orm.Session, caller: Caller, token: Token, *, now: datetime) -> Response:
    """What a client learns about itself when it signs in, and when it renews its token."""
    settings = context().settings
    known = _dump(
        {
            "caller": caller,
            "token": token,
            "settings": settings,
            "presence": signing_in.own_presence(session, caller, settings=settings, now=now),
            "accounts": (),
        }
    )
    body = json_object({**known, "accounts": _accounts(session, caller)})
    return Response(body, mimetype=JSON.media_type)


def _accounts(session: orm.Session, caller: Caller) -> WrittenJson:
    bound = caller.bound_account_id
    read = partial(accounts.list_accounts, session, caller.org.id, bound_account_id=bound)
    if bound is not None:
        return account_lists.written(read())
    return context().account_lists.of(caller.org, read)
