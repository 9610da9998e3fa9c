"""Services, as admins make and delete them."""

from typing import Any
from uuid import UUID

from flask import Response

from routes.auth import changing_as_admin, reading_as_admin
from routes.errors import Bare
from routes.headers import seen_by
from routes.requests import ApiBlueprint
from schemas.services import IssuedService, NewService, Services
from services import services

blueprint = ApiBlueprint(
    "admin_services", __name__, url_prefix="/v1/admin/services", description="Services, for admins"
)


@blueprint.get("")
@blueprint.formats(200, Services, "services")
@blueprint.problems()
def list_services() -> dict[str, Any]:
    """The org's services by name, without their tokens."""
    with reading_as_admin() as (session, caller):
        return {"services": services.list_services(session, caller.org.id), "next": None}


@blueprint.post("")
@blueprint.arguments(NewService)
@blueprint.formats(201, IssuedService)
@blueprint.problems(429)
def add_service(
    body: dict[str, Any],
) -> tuple[tuple[services.Described, str], int, dict[str, str]]:
    """Make a service. Its token is shown only once."""
    with changing_as_admin() as (change, caller):
        described, token = services.add(change, **body, actor=caller.member)
    return (described, token.raw), 201, seen_by(change, caller)


@blueprint.delete("/<uuid:service_id>")
@blueprint.response(204)
@blueprint.problems(404, 429)
def remove_service(service_id: UUID) -> Response:
    """Delete a service. Its token is refused from then on."""
    with changing_as_admin() as (change, caller):
        services.remove(change, service_id, actor=caller.member)
    return Bare(status=204, headers=seen_by(change, caller))
