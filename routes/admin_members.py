"""Members, as admins manage them."""

from typing import Any
from uuid import UUID

from flask import Response

from models import Membership
from routes.auth import changing_as_admin, reading_as_admin
from routes.errors import Bare
from routes.headers import seen_by
from routes.requests import ApiBlueprint
from schemas.admin import ManagedMember, ManagedMembers, MemberChanges, NewMember
from schemas.fields import Empty
from services import members
from services.scopes import DIRECTORY_WRITE

blueprint = ApiBlueprint(
    "admin_members", __name__, url_prefix="/v1/admin/members", description="Members, for admins"
)


@blueprint.get("")
@blueprint.formats(200, ManagedMembers, "members")
@blueprint.problems()
def list_members() -> dict[str, Any]:
    """The org's members, admins first, deactivated ones too."""
    with reading_as_admin(scope=DIRECTORY_WRITE) as (session, caller):
        found = members.list_members(session, caller.org.id)
        return {"members": found, "next": None}


@blueprint.post("")
@blueprint.arguments(NewMember)
@blueprint.formats(201, ManagedMember)
@blueprint.problems(429)
def add_member(body: dict[str, Any]) -> tuple[Membership, int, dict[str, str]]:
    """Make a member."""
    with changing_as_admin(scope=DIRECTORY_WRITE) as (change, caller):
        member = members.add(change, **body, actor=caller.member)
    return member, 201, seen_by(change, caller)


@blueprint.patch("/<uuid:member_id>")
@blueprint.arguments(MemberChanges, required=False)
@blueprint.formats(200, ManagedMember)
@blueprint.problems(404, 409, 429)
def change_member(body: dict[str, Any], member_id: UUID) -> tuple[Membership, int, dict[str, str]]:
    """Rename a member, change their role, deactivate or reactivate them."""
    with changing_as_admin(scope=DIRECTORY_WRITE) as (change, caller):
        member = members.find_in(change.session, change.org.id, member_id)
        members.amend(change, member, actor=caller.member, **body)
    return member, 200, seen_by(change, caller)


@blueprint.post("/<uuid:member_id>/revoke-tokens")
@blueprint.arguments(Empty, required=False)
@blueprint.response(204)
@blueprint.problems(404, 429)
def revoke_tokens(_body: dict[str, Any], member_id: UUID) -> Response:
    """End all sessions that the member has."""
    with changing_as_admin() as (change, caller):
        member = members.find_in(change.session, change.org.id, member_id)
        members.revoke_tokens(change, member, actor=caller.member)
    return Bare(status=204, headers=seen_by(change, caller))
