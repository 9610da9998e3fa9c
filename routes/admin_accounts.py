"""Accounts, as admins manage them."""

from typing import Any
from uuid import UUID

from models import Account
from routes.auth import changing_as_admin, reading_as_admin
from routes.headers import seen_by
from routes.requests import ApiBlueprint
from schemas.admin import AccountChanges, ManagedAccount, ManagedAccounts, NewAccount
from services import accounts
from services.scopes import DIRECTORY_WRITE

blueprint = ApiBlueprint(
    "admin_accounts", __name__, url_prefix="/v1/admin/accounts", description="Accounts, for admins"
)


@blueprint.get("")
@blueprint.formats(200, ManagedAccounts, "accounts")
@blueprint.problems()
def list_accounts() -> dict[str, Any]:
    """The org's accounts by name, archived ones too."""
    with reading_as_admin(scope=DIRECTORY_WRITE) as (session, caller):
        found = accounts.list_accounts(session, caller.org.id, archived_too=True)
        return {"accounts": found, "next": None}


@blueprint.post("")
@blueprint.arguments(NewAccount)
@blueprint.formats(201, ManagedAccount)
@blueprint.problems(409, 429)
def add_account(body: dict[str, Any]) -> tuple[Account, int, dict[str, str]]:
    """Make an account."""
    with changing_as_admin(scope=DIRECTORY_WRITE) as (change, caller):
        account = accounts.add(change, **body, actor=caller.member)
    return account, 201, seen_by(change, caller)


@blueprint.patch("/<uuid:account_id>")
@blueprint.arguments(AccountChanges, required=False)
@blueprint.formats(200, ManagedAccount)
@blueprint.problems(404, 409, 429)
def change_account(body: dict[str, Any], account_id: UUID) -> tuple[Account, int, dict[str, str]]:
    """Rename an account, archive it, or restore it."""
    with changing_as_admin(scope=DIRECTORY_WRITE) as (change, caller):
        account = accounts.find(change.session, change.org.id, account_id, archived_too=True)
        accounts.amend(change, account, actor=caller.member, **body)
    return account, 200, seen_by(change, caller)
