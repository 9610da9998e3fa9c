"""``GET /problems/<code>``: the page that a problem's ``type`` leads to."""

from html import escape

from flask import Blueprint, Response, abort

from wire.problems import PROBLEM_TYPES

blueprint = Blueprint("problem_pages", __name__)

# What it means, and what to do.
MEANINGS = {
    "malformed_request": "The request can't be read: its body is not JSON, or came too slowly.",
    "not_authenticated": (
        "There is no bearer token, or it is no longer valid. The member <code>reason</code> says "
        "which: <code>missing</code>, <code>invalid</code>, <code>expired</code>, "
        "<code>signed_out</code>, <code>revoked</code>, <code>deactivated</code> or "
        "<code>unknown_member</code>. Sign in again."
    ),
    "access_code_rejected": (
        "The access code is malformed, unknown, expired or revoked, or its member is deactivated. "
        "Check the code, or ask an admin for a new one."
    ),
    "admin_only": "Only admins may do this, and not in a session for one account.",
    "account_not_allowed": "The access code, or the session that it began, is for another account.",
    "not_renewable": "This token can't be renewed. Use it until it expires, then get another.",
    "no_session": "The token is a trusted issuer's, and has no session here: sign out there.",
    "insufficient_scope": (
        "The token is a service's, and none of its scopes allows this; the header "
        "<code>WWW-Authenticate</code> names the scope that does. Or the request has an "
        "<code>Origin</code>: a service's token does not belong in a browser."
    ),
    "not_found": "There is nothing at this address. Each path has exactly one spelling.",
    "account_not_found": "There is no such account, or it is archived.",
    "not_occupied": "Nobody is on this account.",
    "method_not_allowed": "Use a method that the header <code>Allow</code> names.",
    "account_occupied": "Somebody else is on this account. Admins see who, in <code>holder</code>.",
    "name_taken": "Another account, perhaps an archived one, has this name. Case does not matter.",
    "id_taken": (
        "The id is an account's of another org, or a service's. The member <code>id</code> names "
        "it."
    ),
    "last_admin": "The org's last active admin can be neither demoted nor deactivated.",
    "presence_ended": (
        "This presence has ended. The member <code>reason</code> says how: "
        "<code>clocked_out</code>, <code>switched</code>, <code>force_cleared</code>, "
        "<code>expired</code>, or <code>unknown</code>. Do not repeat the request."
    ),
    "too_large": (
        "The body is larger than 64 KiB; for <code>/v1/admin/directory</code>, larger than 4 MiB."
    ),
    "unsupported_media_type": "Send JSON in UTF-8, with its Content-Type and no content coding.",
    "validation_failed": "Fields are missing, unknown or wrong. <code>errors</code> names them.",
    "account_required": "Name an account. <code>accounts</code> lists them.",
    "org_required": (
        "You are a member of several orgs, which <code>orgs</code> lists. Name one in the header "
        "<code>Presence-Org</code>."
    ),
    "idempotency_key_reused": "This Idempotency-Key was used for another request. Use a new one.",
    "too_many_attempts": (
        "Too many refused access codes came from this address. Wait as many seconds as "
        "<code>Retry-After</code> says."
    ),
    "too_many_requests": (
        "The member wrote too often. Wait as many seconds as <code>Retry-After</code> says, then "
        "send the request again."
    ),
    "internal_error": (
        "This is a fault of the service. It has been logged. Report the <code>request_id</code>."
    ),
    "database_unavailable": (
        "The database can't be reached or did not answer in time. Send the request again after as "
        "many seconds as <code>Retry-After</code> says."
    ),
    "busy": (
        "More requests of your org are waiting than its share of the service, or too many have a "
        "large body. Nothing has been done: send the request again after as many seconds as "
        "<code>Retry-After</code> says."
    ),
}

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}: Presence</title>
<h1>{title}</h1>
<p>Status {status}, code <code>{code}</code>.</p>
<p>{meaning}</p>
<p><a href="/docs">The API</a></p>
</html>
"""


@blueprint.get("/problems/<problem>")
def explain(problem: str) -> Response:
    """The page of a problem's type."""
    if problem not in PROBLEM_TYPES:
        abort(404)
    status, title = PROBLEM_TYPES[problem]
    page = PAGE.format(title=escape(title), status=status, code=problem, meaning=MEANINGS[problem])
    return Response(page, content_type="text/html; charset=utf-8")
