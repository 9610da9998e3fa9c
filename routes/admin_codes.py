"""Access codes, as admins issue and revoke them."""

from typing import Any
from uuid import UUID

from flask import Response

import models
from routes.auth import changing_as_admin, reading_as_admin
from routes.errors import Bare
from routes.headers import seen_by
from routes.requests import ApiBlueprint
from schemas.admin import AccessCodes, IssuedAccessCode, NewAccessCode
from services import access_codes, accounts, members

blueprint = ApiBlueprint(
    "admin_codes",
    __name__,
    url_prefix="/v1/admin/members/<uuid:member_id>/access-codes",
    description="Access codes, for admins",
)


@blueprint.get("")
@blueprint.formats(200, AccessCodes, "access_codes")
@blueprint.problems(404)
def list_access_codes(member_id: UUID) -> dict[str, Any]:
    """A member's codes, the newest first: all of them, but never the code itself."""
    with reading_as_admin() as (session, caller):
        member = members.find_in(session, caller.org.id, member_id)
        found = access_codes.list_codes(session, member)
        return {"access_codes": found, "next": None}


@blueprint.post("")
@blueprint.arguments(NewAccessCode, required=False)
@blueprint.formats(201, IssuedAccessCode)
@blueprint.problems(404, 429)
def issue_access_code(
    body: dict[str, Any], member_id: UUID
) -> tuple[tuple[models.AccessCode, str], int, dict[str, str]]:
    """Issue a code to a member, perhaps for one account only. It is shown only once."""
    with changing_as_admin() as (change, caller):
        member = members.find_in(change.session, change.org.id, member_id)
        account_id = body.get("account_id")
        account = accounts.find(change.session, change.org.id, account_id) if account_id else None
        issued = access_codes.issue(
            change,
            member,
            actor=caller.member,
            account=account,
            expires_at=body.get("expires_at"),
        )
    return issued, 201, seen_by(change, caller)


@blueprint.delete("/<uuid:code_id>")
@blueprint.response(204)
@blueprint.problems(404, 429)
def revoke_access_code(member_id: UUID, code_id: UUID) -> Response:
    """Revoke a code, and end the sessions that it began."""
    with changing_as_admin() as (change, caller):
        member = members.find_in(change.session, change.org.id, member_id)
        code = access_codes.find(change.session, member, code_id)
        access_codes.revoke(change, code, member, actor=caller.member)
    return Bare(status=204, headers=seen_by(change, caller))
