"""Where members are signed in, as admins see and end it."""

from typing import Any
from uuid import UUID

from flask import Response

from routes.auth import changing_as_admin, reading_as_admin
from routes.errors import Bare
from routes.headers import seen_by
from routes.requests import ApiBlueprint
from schemas.sessions import MemberSessions
from services import ending_sessions, members, sessions
from services.times import utc_now

blueprint = ApiBlueprint(
    "admin_sessions",
    __name__,
    url_prefix="/v1/admin/members/<uuid:member_id>/sessions",
    description="Sessions, for admins",
)


@blueprint.get("")
@blueprint.formats(200, MemberSessions, "sessions")
@blueprint.problems(404)
def list_sessions(member_id: UUID) -> dict[str, Any]:
    """Where a member is signed in, the newest first."""
    with reading_as_admin() as (session, caller):
        member = members.find_in(session, caller.org.id, member_id)
        found = sessions.list_sessions(session, member, current=caller.session, now=utc_now())
        return {"sessions": found, "next": None}


@blueprint.delete("/<uuid:session_id>")
@blueprint.response(204)
@blueprint.problems(404, 429)
def end_session(member_id: UUID, session_id: UUID) -> Response:
    """Sign a member out of one session."""
    with changing_as_admin() as (change, caller):
        member = members.find_in(change.session, change.org.id, member_id)
        ending_sessions.revoke(change, member, session_id, actor=caller.member)
    return Bare(status=204, headers=seen_by(change, caller))
