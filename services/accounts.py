"""Client accounts: finding, listing, adding and renaming them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Account
from models.constraints import violated
from services import presences
from services.change import Change
from services.errors import AccountNotFound, AccountOccupied, NameTaken


def find(session: Session, org_id: UUID, account_id: UUID) -> Account:
    """The org's account, not archived.

    :raises AccountNotFound: the org has none such
    """
    account = session.scalar(
        select(Account)
        .where(Account.id == account_id, Account.org_id == org_id, Account.archived_at.is_(None))
        .execution_options(populate_existing=True)
    )
    if account is None:
        raise AccountNotFound
    return account


def listed(session: Session, org_id: UUID) -> list[Account]:
    """The org's accounts, not archived, ordered by casefolded name, then id."""
    found = session.scalars(
        select(Account).where(Account.org_id == org_id, Account.archived_at.is_(None))
    )
    # Sorted here: databases differ in how they order letters.
    return sorted(found, key=lambda account: (account.name_casefolded, account.id))


def as_choices(session: Session, org_id: UUID) -> list[dict[str, Any]]:
    """The accounts as a problem's body carries them."""
    return [{"id": str(account.id), "name": account.name} for account in listed(session, org_id)]


def as_json(session: Session, org_id: UUID) -> bytes:
    """The body of ``GET /v1/accounts``."""
    return json.dumps({"accounts": as_choices(session, org_id)}, ensure_ascii=False).encode()


def add(change: Change, name: str) -> Account:
    """Make an account.

    :raises NameTaken: the org has one of this name, perhaps archived
    """
    account = Account(
        id=uuid4(),
        org_id=change.org.id,
        name=name,
        name_casefolded=name.casefold(),
        created_at=change.now,
    )
    with _name_is_free(change.session):
        change.session.add(account)
    change.accounts_changed()
    return account


def rename(change: Change, account: Account, name: str) -> None:
    """Give an account another name.

    :raises NameTaken: the org has one of this name, perhaps archived
    """
    with _name_is_free(change.session):
        account.name = name
        account.name_casefolded = name.casefold()
    change.accounts_changed()


def archive(change: Change, account: Account) -> None:
    """Put an account away, keeping its name and history.

    :raises AccountOccupied: somebody is on it
    """
    if presences.holder_of(change, account.id) is not None:
        raise AccountOccupied
    account.archived_at = change.now
    change.accounts_changed()


@contextmanager
def _name_is_free(session: Session) -> Iterator[None]:
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        if violated(error) != "uq_accounts_org_id_name_casefolded":
            raise
        raise NameTaken from error
