"""Part of flask setup: the role that Presence serves as."""

import click
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from cli.common import say_later
from models import db_role, row_security
from models.database import Database
from models.reach import NO_ORG

_ROLE = text(
    "SELECT rolsuper OR rolbypassrls OR pg_has_role(oid, current_user, 'MEMBER') AS may_more,"
    " pg_has_role(current_user, oid, 'MEMBER') AS is_ours FROM pg_roles WHERE rolname = :role"
)
_MAY_MAKE = text("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")

MADE = """\
The role {role} may serve Presence now, and do nothing else. Let the servers log in as it: give it a
password with  ALTER ROLE {role} PASSWORD '…'  and name it in their DATABASE_URL. Or set
PRESENCE_DB_ROLE={name}: then they log in as the owner, and become {role} in each transaction.\
"""
BY_AN_ADMIN = (
    "The role {owner} may not make roles. Have an admin of the database run this, then run setup "
    "again: CREATE ROLE {role} LOGIN; GRANT {role} TO {owner}"
)


def require_rights(database: Database) -> None:
    """Let servers start only where their role can serve, or where the database is away.

    :raises click.ClickException: it can't
    """
    if database.is_sqlite:
        return
    try:
        with database.read(NO_ORG) as session:
            connection = session.connection()
            role = connection.scalar(text("SELECT current_user"))
            lacking = db_role.lacking(connection, role)
            has_functions = row_security.has_functions(connection)
    except OperationalError:
        return  # it may come back: /readyz tells
    except DBAPIError as error:
        said = str(error.orig).partition("\n")[0]
        raise click.ClickException(
            f"PRESENCE_DB_ROLE can't be used: {said}. Make the role with: flask setup --role"
        ) from None
    if lacking:
        raise click.ClickException(
            f"The role {role} lacks rights on {', '.join(lacking)}. As the owner of the tables, "
            f"run: flask setup --role {role}"
        )
    if not has_functions:
        raise click.ClickException(
            "The database lacks functions that this release calls. As the owner of the tables, "
            "run: flask setup"
        )


def may_serve(connection: Connection, name: str) -> bool:
    """Whether there is such a role, and it has its rights."""
    found = connection.execute(_ROLE, {"role": name}).one_or_none()
    return found is not None and not db_role.lacking(connection, name)


def provide(session: Session, name: str) -> None:
    """Make the role, where it is not there, and give it its rights.

    :param name: of the role
    :raises click.ClickException: the role can't be made, or may do more than serve
    """
    if name in db_role.OF_AN_API:
        raise click.ClickException(
            f"The role {name} is the platform's, for strangers too: name one of Presence's own."
        )
    connection = session.connection()
    quote = connection.dialect.identifier_preparer.quote_identifier
    role, owner = quote(name), connection.scalar(text("SELECT quote_ident(current_user)"))
    found = connection.execute(_ROLE, {"role": name}).one_or_none()
    if found is not None and found.may_more:
        raise click.ClickException(
            f"The role {role} is a superuser, may bypass row-level security, or is a member of "
            f"{owner}: name one that is not."
        )
    if found is None:
        if not connection.scalar(_MAY_MAKE):
            raise click.ClickException(BY_AN_ADMIN.format(role=role, owner=owner))
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
    if found is None or not found.is_ours:
        connection.exec_driver_sql(f"GRANT {role} TO CURRENT_USER")
    row_security.grant(connection, name)
    say_later(session, MADE.format(role=role, name=name))
