"""flask setup: what `dev.py run` does before it starts the server."""

from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import click
from sqlalchemy import text
from sqlalchemy.orm import Session

from cli import demo
from cli.common import locking, say_later, writing
from cli.role import may_serve, provide
from context import context
from models import Org
from models.migrations import upgrade
from services import access_codes, members, orgs
from services.change import Change
from wire.hosts import host_of, is_loopback

PUBLIC_CODES_LAST = timedelta(days=1)  # where others can reach the demo org

TRY = """
Try it, with the code of a VA and the id of an account that the first answer lists:

  curl {url}/v1/sessions -H 'Content-Type: application/json' \\
    -d '{{"access_code": "{va_code}"}}'
  curl {url}/v1/clock-in -H 'Content-Type: application/json' \\
    -d '{{"access_code": "{va_code}", "account_id": "{account}"}}'

See who is where as {admin}, an admin. The second poll answers 304: nothing new.

  TOKEN=$(curl -s {url}/v1/sessions -H 'Content-Type: application/json' \\
    -d '{{"access_code": "{admin_code}"}}' | sed 's/.*"token": *"\\([^"]*\\)".*/\\1/')
  curl -i {url}/v1/presence -H "Authorization: Bearer $TOKEN" --etag-save presence.etag
  curl -i {url}/v1/presence -H "Authorization: Bearer $TOKEN" --etag-compare presence.etag
"""

MORE_CODES = """
The access codes of {org} were shown when it was made. To make a new one for {name}:

  .venv/bin/flask --app app code issue --member {id}

To make new ones for everyone, which clocks everyone out:

  .venv/bin/flask --app app demo
"""


@click.command()
@click.option("--url", default="http://127.0.0.1:8000", help="Where the service will be.")
@click.option("--demo", "wants_demo", is_flag=True, help="Put the demo org into any database.")
@click.option("--role", help="PostgreSQL: make a role for the servers that may do no more.")
def setup(url: str, wants_demo: bool, role: str | None) -> None:
    """Migrate the database; fill an empty default one with the demo org."""
    prepare(url, [urlsplit(url).netloc], wants_demo=wants_demo, role=role)


def prepare(url: str, listens_on: list[str], *, wants_demo: bool, role: str | None = None) -> None:
    """Migrate, fill, and print how to try the service.

    :param listens_on: each a ``host:port``; other machines can reach those that are not loopback
    :param role: that the servers get
    """
    with writing() as session:
        _require_utf8(session)
        if upgrade(session.connection()):
            say_later(session, "Migrated the database to the newest schema.")
    with writing() as session:
        _provide_role(session, role)
    with writing() as session:
        is_default = context().settings.is_default_database
        is_public = not all(is_loopback(host_of(each)) for each in listens_on)
        org = demo.find(session)
        if org is None and (wants_demo or (is_default and not orgs.any_exists(session))):
            with locking(session, demo.make(session).id) as change:
                _welcome(url, change, is_public=is_public)
        elif org is not None and (wants_demo or is_default):
            if is_public:
                with locking(session, org.id) as change:
                    _end_codes(change)
            _tell_of_more_codes(session, org)
    click.echo(f"The board is at {url}, the API is explained at {url}/docs.")


def _provide_role(session: Session, role: str | None) -> None:
    """The role that is asked for, or the one of the settings where it can't serve yet."""
    settings, connection = context().settings, session.connection()
    if connection.dialect.name == "sqlite":
        if role is not None:
            raise click.ClickException("Roles are PostgreSQL's; SQLite has none.")
    elif role is not None:
        provide(session, role)
    elif settings.db_role is not None and not may_serve(connection, settings.db_role):
        provide(session, settings.db_role)


def _require_utf8(session: Session) -> None:
    """:raises click.ClickException: the database can't hold every name"""
    if session.connection().dialect.name != "postgresql":
        return  # every encoding of SQLite can hold them
    encoding = session.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise click.ClickException(
            f"The database's encoding is {encoding}, but names need UTF8: make a database with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )


def _welcome(url: str, change: Change, *, is_public: bool) -> None:
    expires_at = change.now + PUBLIC_CODES_LAST if is_public else None
    described = demo.issue(change, expires_at=expires_at)
    say = partial(say_later, change.session)
    say(f"\nAccess codes of {described['org']['name']}:\n\n{demo.in_words(described)}")
    if expires_at:
        say(
            f"\nThey expire at {expires_at:%Y-%m-%d %H:%M} UTC, since others can reach this server."
        )
    first: dict[str, dict[str, Any]] = {
        member["role"]: member for member in reversed(described["members"])
    }
    say(
        TRY.format(
            url=url,
            va_code=first["va"]["access_code"],
            account=described["accounts"][0]["id"],
            admin=first["admin"]["display_name"],
            admin_code=first["admin"]["access_code"],
        )
    )


def _end_codes(change: Change) -> None:
    """Codes that were made while others could not reach the demo org never expire: end them."""
    ends_at = change.now + PUBLIC_CODES_LAST
    if access_codes.end_endless(change, ends_at):
        name, end = change.org.name, f"{ends_at:%Y-%m-%d %H:%M} UTC"
        words = f"The codes of {name} now expire at {end}, since others can reach this server."
        say_later(change.session, words)


def _tell_of_more_codes(session: Session, org: Org) -> None:
    # There may be no active member left.
    member = next((each for each in members.list_members(session, org.id) if each.active), None)
    if member is not None:
        words = MORE_CODES.format(org=org.name, name=member.display_name, id=member.id)
        say_later(session, words)
