"""What admins clear."""

from typing import Any
from uuid import UUID

from flask import Response

from context import context
from routes.auth import changing_as_admin, clocking_by_token
from routes.errors import Bare
from routes.headers import seen_by
from routes.requests import ApiBlueprint
from schemas.clearing import Cleared, ClearUnseenQuery, ForceClearQuery, NamedUnseen
from services import clocking, expiry
from services.clock_state import Asked
from services.errors import ValidationFailed
from services.scopes import PRESENCE_WRITE
from services.staleness import shortest_stale_after_seconds

blueprint = ApiBlueprint("admin", __name__, url_prefix="/v1/admin", description="For admins")


@blueprint.delete("/presence/<uuid:account_id>")
@blueprint.arguments(ForceClearQuery, location="query", as_kwargs=True)
@blueprint.response(204)
@blueprint.problems(404, 410, 429)
def force_clear(account_id: UUID, **query: Any) -> Response:
    """End the presence on an account."""
    with clocking_by_token(Asked(account_id), scope=PRESENCE_WRITE) as (change, caller):
        clocking.force_clear(change, caller, account_id, **query)
    return Bare(status=204, headers=seen_by(change, caller))


@blueprint.delete("/presence")
@blueprint.arguments(ClearUnseenQuery, location="query", as_kwargs=True)
@blueprint.formats(200, Cleared, "cleared", row=NamedUnseen)
@blueprint.problems(429)
def clear_unseen(stale_for: int, dry_run: bool) -> tuple[dict[str, Any], int, dict[str, str]]:
    """End all presences that had no heartbeat for so many seconds."""
    least = shortest_stale_after_seconds(context().settings)
    if stale_for < least:
        raise ValidationFailed({"stale_for": [f"Must be stale_after ({least}) or more."]})
    with changing_as_admin(scope=PRESENCE_WRITE) as (change, caller):
        found = expiry.clear_unseen(change, caller, stale_for_seconds=stale_for, dry_run=dry_run)
    return {"cleared": found, "dry_run": dry_run}, 200, seen_by(change, caller)
