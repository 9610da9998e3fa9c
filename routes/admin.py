"""What admins do."""

from typing import Any
from uuid import UUID

from flask import Response

from routes.auth import changing_by_token
from routes.errors import Bare
from routes.requests import ApiBlueprint
from schemas.presence import ForceClearQuery
from services import clocking

blueprint = ApiBlueprint("admin", __name__, url_prefix="/v1/admin", description="For admins")


@blueprint.delete("/presence/<uuid:account_id>")
@blueprint.arguments(ForceClearQuery, location="query", as_kwargs=True)
@blueprint.response(204)
@blueprint.problems(401, 403, 404, 410, 413, 422, 503)
def force_clear(account_id: UUID, **query: Any) -> Response:
    """End the presence on an account."""
    with changing_by_token() as (change, caller):
        clocking.force_clear(change, caller, account_id, **query)
    version = str(change.version_of(caller.view))
    return Bare(status=204, headers={"Presence-Version": version})
