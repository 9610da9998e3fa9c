"""Accounts and members by the ids that another application gave them."""

from typing import Any
from uuid import UUID

from flask import Response

from models import Account, Membership
from routes.auth import changing_as_admin, reading_as_admin
from routes.errors import Bare
from routes.headers import seen_by
from routes.requests import ApiBlueprint, has_large_body
from schemas.admin import ManagedAccount, ManagedMember
from schemas.directory import (
    AccountFromElsewhere,
    Directory,
    DirectoryQuery,
    EraseQuery,
    MemberFromElsewhere,
    Synced,
)
from services import accounts, directory, erasing, members
from services.listed_accounts import ListedAccount
from services.listed_members import ListedMember
from services.scopes import DIRECTORY_WRITE

blueprint = ApiBlueprint(
    "directory", __name__, url_prefix="/v1/admin", description="Ids from elsewhere"
)


@blueprint.before_request
def judge_who_sends_much() -> None:
    """A large body is read and parsed only for those who may send it."""
    if has_large_body():
        with reading_as_admin(scope=DIRECTORY_WRITE):
            pass


@blueprint.put("/accounts/<uuid:account_id>")
@blueprint.arguments(AccountFromElsewhere)
@blueprint.formats(200, ManagedAccount)
@blueprint.alt_response(201, schema=ManagedAccount, description="Made")
@blueprint.problems(404, 409, 429)
def put_account(body: dict[str, Any], account_id: UUID) -> tuple[Account, int, dict[str, str]]:
    """Make the account with this id, or make it so."""
    listed = ListedAccount(id=account_id, **body)
    with changing_as_admin(scope=DIRECTORY_WRITE) as (change, caller):
        done = directory.sync(change, accounts=[listed], actor=caller.member)
        account = accounts.find(change.session, change.org.id, account_id, archived_too=True)
    return account, 201 if done.accounts.created else 200, seen_by(change, caller)


@blueprint.put("/users/<uuid:user_id>")
@blueprint.arguments(MemberFromElsewhere)
@blueprint.formats(200, ManagedMember)
@blueprint.alt_response(201, schema=ManagedMember, description="Made")
@blueprint.problems(404, 409, 429)
def put_member(body: dict[str, Any], user_id: UUID) -> tuple[Membership, int, dict[str, str]]:
    """Make the user with this id a member, or make the member so."""
    listed = ListedMember(user_id=user_id, **body)
    with changing_as_admin(scope=DIRECTORY_WRITE) as (change, caller):
        done = directory.sync(change, members=[listed], actor=caller.member)
        member = members.find_user(change.session, change.org.id, user_id)
    return member, 201 if done.members.created else 200, seen_by(change, caller)


@blueprint.delete("/users/<uuid:user_id>")
@blueprint.arguments(EraseQuery, location="query", as_kwargs=True)
@blueprint.response(204)
@blueprint.problems(404, 409, 429)
def erase_member(user_id: UUID, **_confirmed: bool) -> Response:
    """Erase a person's data from the org. To shut a member out, deactivate them instead."""
    with changing_as_admin(scope=DIRECTORY_WRITE) as (change, caller):
        member = members.find_user(change.session, change.org.id, user_id)
        members.raise_if_last_admin(change, member)
        erasing.erase_member(change, member, actor=caller.member)
    return Bare(status=204, headers=seen_by(change, caller))


@blueprint.put("/directory")
@blueprint.arguments(Directory, required=False)
@blueprint.arguments(DirectoryQuery, location="query", as_kwargs=True)
@blueprint.response(200, Synced)
@blueprint.problems(409, 429)
def put_directory(
    body: dict[str, Any], prune: bool, dry_run: bool
) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Make accounts and members as they are listed, all or nothing. The body may have 4 MiB."""
    with changing_as_admin(scope=DIRECTORY_WRITE) as (change, caller):
        done = directory.sync(change, **body, prune=prune, dry_run=dry_run, actor=caller.member)
    return {**done._asdict(), "dry_run": dry_run}, 200, seen_by(change, caller)
