"""What clients poll: the snapshot, and the accounts."""

from flask import Response, request

from context import context
from routes.auth import reading
from routes.errors import response
from routes.requests import ApiBlueprint
from schemas.clock import Accounts
from schemas.presence import Snapshot
from services import accounts, snapshot
from services.scopes import PRESENCE_READ
from services.staleness import stale_after_seconds
from wire import answers, tags
from wire.body import Beginning, Body
from wire.content_coding import accepts_gzip
from wire.json import compact_json
from wire.json_format import JSON
from wire.negotiation import accepted
from wire.rendered import Rendered, Viewer
from wire.representation import Representation

blueprint = ApiBlueprint("presence", __name__, url_prefix="/v1", description="What clients poll")

UNCHANGED = "The tag in If-None-Match still matches"
CONDITION = {
    "If-None-Match": "the tag of what the client has",
    "Presence-Org": "of several orgs, the one meant; for tokens of trusted issuers",
    "Accept-Encoding": "gzip: bodies over 1 KB come compressed",
}
CONDITIONS = CONDITION | {
    "Prefer": "wait=N holds the answer until something changes, for N seconds at most",
    "Presence-Min-Version": "the Presence-Version of a change that the answer must show",
}
POLLED = {
    name: {"schema": {"type": type_}, "description": description}
    for name, type_, description in (
        ("ETag", "string", "for If-None-Match"),
        ("X-Poll-Interval", "integer", "seconds until the next poll"),
    )
}
FOUND = POLLED | {
    "Content-Encoding": {"schema": {"type": "string"}, "description": "gzip, where compressed"}
}


@blueprint.get("/presence")
@blueprint.headers(CONDITIONS)
@blueprint.response(200, Snapshot, headers=FOUND)
@blueprint.other_formats(200)
@blueprint.alt_response(304, headers=POLLED, description=UNCHANGED)
@blueprint.problems()
def presence() -> Response:
    """Who is on which account, as the caller may see it."""
    settings = context().settings
    with reading(scope=PRESENCE_READ) as (session, caller):
        member, bound = caller.member, caller.bound_account_id
        representation = Representation(
            Viewer(member.id, member.user_id, caller.view, bound),
            accepted(request.headers.get("Accept")),
            version=caller.org.version_of(caller.view),
            stale_after_seconds=stale_after_seconds(caller.org, settings),
            settings=settings,
        )
        if representation.matches(request.headers.get("If-None-Match")):
            return response(representation.not_modified())
        now = snapshot.load(session, caller.org, settings=settings)
    body = representation.body(Rendered(now))
    return response(representation.full(body, accepts_gzip=_accepts_gzip()))


@blueprint.get("/accounts")
@blueprint.headers(CONDITION)
@blueprint.response(200, Accounts, headers=FOUND)
@blueprint.alt_response(304, headers=POLLED, description=UNCHANGED)
@blueprint.problems()
def list_accounts() -> Response:
    """The org's accounts, not archived, by name."""
    with reading(scope=PRESENCE_READ) as (session, caller):
        bound = caller.bound_account_id
        tag = tags.accounts_tag(caller.member.id, bound, caller.org.accounts_version)
        if tags.matches(request.headers.get("If-None-Match"), tag):
            return response(answers.unchanged(tag, context().settings))
        found = accounts.list_accounts(session, caller.org.id, bound_account_id=bound)
    body = Body(Beginning(lambda: compact_json(Accounts().dump({"accounts": found}))))
    return response(
        answers.found(tag, body, JSON.media_type, context().settings, accepts_gzip=_accepts_gzip())
    )


def _accepts_gzip() -> bool:
    return accepts_gzip(request.headers.get("Accept-Encoding"))
