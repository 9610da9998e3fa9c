"""Client accounts: finding, listing, adding and changing them."""

from uuid import UUID, uuid4

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models import Account, Membership
from services import audit_log, presences
from services.change import Change
from services.errors import AccountNotFound, AccountOccupied, NameTaken


def find(
    session: Session, org_id: UUID, account_id: UUID, *, archived_too: bool = False
) -> Account:
    """The org's account, not archived unless ``archived_too``.

    :raises AccountNotFound: the org has no such account
    """
    account = session.scalar(
        _of_org(org_id, archived_too)
        .where(Account.id == account_id)
        .execution_options(populate_existing=True)
    )
    if account is None:
        raise AccountNotFound
    return account


def list_accounts(
    session: Session,
    org_id: UUID,
    *,
    archived_too: bool = False,
    bound_account_id: UUID | None = None,
) -> list[Account]:
    """The org's accounts, not archived unless ``archived_too``, by casefolded name, then id.

    :param bound_account_id: only this one
    """
    query = _of_org(org_id, archived_too)
    if bound_account_id is not None:
        query = query.where(Account.id == bound_account_id)
    found = session.scalars(query)
    # Sorted here: databases differ in how they order letters.
    return sorted(found, key=lambda account: (account.name_casefolded, account.id))


def add(change: Change, name: str, *, actor: Membership | None) -> Account:
    """Make an account.

    :param actor: the admin who does it; None for an operator's command
    :raises NameTaken: an account of the org, perhaps an archived one, has this name
    """
    _raise_if_taken(change, name)
    account = Account(
        id=uuid4(),
        org_id=change.org.id,
        name=name,
        name_casefolded=name.casefold(),
        created_at=change.now,
    )
    change.session.add(account)
    change.session.flush()
    change.accounts_changed()
    audit_log.record(change, "account_added", actor=actor, account=account)
    return account


def amend(
    change: Change,
    account: Account,
    *,
    actor: Membership | None,
    name: str | None = None,
    archived: bool | None = None,
) -> None:
    """Rename an account, archive or restore it: all of it, or nothing.

    :param actor: the admin who does it; None for an operator's command
    :raises NameTaken: an account of the org, perhaps an archived one, has this name
    :raises AccountOccupied: a member is on the account that would be archived
    """
    is_archived = account.archived_at is not None
    if archived and not is_archived and presences.holder_of(change, account.id) is not None:
        raise AccountOccupied
    if name is not None and name != account.name:
        _rename(change, account, name, actor)
    if archived is not None and archived != is_archived:
        account.archived_at = change.now if archived else None
        change.accounts_changed()
        kind = "account_archived" if archived else "account_restored"
        audit_log.record(change, kind, actor=actor, account=account)


def _of_org(org_id: UUID, archived_too: bool) -> Select[Account]:
    query = select(Account).where(Account.org_id == org_id)
    return query if archived_too else query.where(Account.archived_at.is_(None))


def _rename(change: Change, account: Account, name: str, actor: Membership | None) -> None:
    _raise_if_taken(change, name, but_by=account)
    names = {"from": account.name, "to": name}
    account.name = name
    account.name_casefolded = name.casefold()
    change.accounts_changed()
    audit_log.record(change, "account_renamed", actor=actor, account=account, details=names)


def _raise_if_taken(change: Change, name: str, *, but_by: Account | None = None) -> None:
    """Only here are names unique: those that come from elsewhere need not be.

    :param but_by: the account that may have it
    """
    taken = _of_org(change.org.id, archived_too=True).where(
        Account.name_casefolded == name.casefold()
    )
    if but_by is not None:
        taken = taken.where(Account.id != but_by.id)
    if change.session.scalars(taken.limit(1)).first() is not None:
        raise NameTaken
