"""What the commands share: transactions, arguments, and output."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

import click
from alembic.util import CommandError
from marshmallow import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from context import context
from models import Account, Membership, Org
from models.database import after_commit
from models.reach import EVERY_ORG
from models.roles import ROLES
from schemas.fields import NAME_LENGTH, without_control_characters
from services import accounts, members, orgs
from services.change import Change, NoSuchOrg, changing
from services.errors import Refusal
from services.times import utc_now

_ANOTHER_OWNER = text(
    "SELECT pg_get_userbyid(relowner) FROM pg_class"
    " WHERE oid = to_regclass('orgs') AND NOT pg_has_role(current_user, relowner, 'MEMBER')"
)


class Name(click.ParamType[str]):
    """1 to 200 characters, none of them a control character (contract.md)."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not 1 <= len(text) <= NAME_LENGTH:
            self.fail(f"must have 1 to {NAME_LENGTH} characters", param, ctx)
        try:
            without_control_characters(text)
        except ValidationError as error:
            self.fail(str(error.messages[0]), param, ctx)
        return text


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def say(result: dict[str, Any], words: str, *, as_json: bool) -> None:
    """Print ``result`` as JSON, else ``words``."""
    click.echo(json.dumps(result) if as_json else words)


def say_later(session: Session, words: str) -> None:
    """Print ``words`` once what they tell of has been committed."""
    after_commit(session, partial(click.echo, words))


@contextmanager
def writing() -> Iterator[Session]:
    """A ``write()`` transaction; an error ends the command with one line."""
    with errors_in_words(), context().database.write(EVERY_ORG) as session:
        _require_owner(session)
        yield session


def _require_owner(session: Session) -> None:
    """:raises click.ClickException: to this role the tables seem empty"""
    if session.get_bind().dialect.name == "sqlite":
        return
    owner = session.scalar(_ANOTHER_OWNER)
    if owner is not None:
        raise click.ClickException(
            f"Commands are for {owner}, the owner of the tables: name that role in DATABASE_URL."
        )


@contextmanager
def locking(session: Session, org_id: UUID) -> Iterator[Change]:
    """The locked org."""
    with changing(session, org_id, settings=context().settings, clock=utc_now) as change:
        yield change


@contextmanager
def of_member(member_id: UUID) -> Iterator[tuple[Change, Membership]]:
    """The member and their locked org."""
    with writing() as session:
        member = members.find(session, member_id)
        if member is None:
            raise click.ClickException(f"There is no member {member_id}.")
        if not ROLES[member.role].is_person:
            raise click.ClickException(
                f"{member_id} is a service, not a member. An admin can delete it, with "
                f"DELETE /v1/admin/services/{member_id}."
            )
        with locking(session, member.org_id) as change:
            session.refresh(member)
            yield change, member


def org_called(session: Session, org: str) -> Org:
    """The org with this id, or the only one with this name."""
    try:
        found = [session.get(Org, UUID(org))]
    except ValueError:
        found = [*orgs.find_named(session, org)]
    if len(found) > 1:
        raise click.ClickException(f"{len(found)} orgs are called {org!r}: use the id.")
    if not found or found[0] is None:
        raise click.ClickException(f"There is no org {org!r}.")
    return found[0]


def account_of(change: Change, account_id: UUID | None) -> Account | None:
    """The org's account with this id, or None for None."""
    return accounts.find(change.session, change.org.id, account_id) if account_id else None


@contextmanager
def errors_in_words() -> Iterator[None]:
    """End the command with one line, not a traceback, for errors that an operator can fix."""
    try:
        yield
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None
    except CommandError as error:
        raise click.ClickException(str(error)) from None
    except NoSuchOrg:
        raise click.ClickException("The org is gone.") from None
    except (OperationalError, ProgrammingError, PoolTimeout) as error:
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        raise click.ClickException(
            f"The database can't be used: {reason}. Is it running, and migrated with: flask setup?"
        ) from None
