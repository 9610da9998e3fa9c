"""flask setup: what `dev.py run` does before it serves."""

from typing import Any

import click
from sqlalchemy.orm import Session

from cli import demo
from cli.common import locking, writing
from models import Org
from models.migrations import upgrade
from routes.context import context
from services import orgs

TRY = """
Try it, with the code of a VA and the id of an account that the first answer lists:

  curl {url}/v1/sessions -H 'Content-Type: application/json' \\
    -d '{{"access_code": "{code}"}}'
  curl {url}/v1/clock-in -H 'Content-Type: application/json' \\
    -d '{{"access_code": "{code}", "account_id": "{account}"}}'

See who is where as {admin}, an admin. The second poll answers 304: nothing new.

  TOKEN={token}
  curl -i {url}/v1/presence -H "Authorization: Bearer $TOKEN" --etag-save presence.etag
  curl -i {url}/v1/presence -H "Authorization: Bearer $TOKEN" --etag-compare presence.etag
"""


@click.command()
@click.option("--url", default="http://127.0.0.1:8000", help="Where the service will be.")
@click.option("--demo", "wants_demo", is_flag=True, help="Put the demo org into any database.")
def setup(url: str, wants_demo: bool) -> None:
    """Migrate the database; fill an empty default one with the demo org."""
    prepare(url, wants_demo=wants_demo)


def prepare(url: str, *, wants_demo: bool) -> None:
    """Migrate, fill and say how to try it."""
    with writing() as session:
        if upgrade(session.connection()):
            click.echo("The database is new or was behind: migrated.")
    with writing() as session:
        org = _demo_org(session, wants_demo)
        if org is not None:
            with locking(session, org.id) as change:
                _welcome(url, demo.issue(change))
    click.echo(f"The board is at {url}, the API is explained at {url}/docs. Ctrl-C stops it.")


def _demo_org(session: Session, wanted: bool) -> Org | None:
    """The demo org, made in an empty default database, or where it is wanted."""
    is_default = context().settings.is_default_database
    if wanted or (is_default and not orgs.is_any(session)):
        return demo.find(session) or demo.make(session)
    return demo.find(session) if is_default else None


def _welcome(url: str, described: dict[str, Any]) -> None:
    click.echo(f"\nAccess codes of {described['org']['name']}:\n\n{demo.in_words(described)}")
    first = {member["role"]: member for member in reversed(described["members"])}
    # Whoever tries the service may have deactivated or archived them all.
    if "admin" in first and "va" in first and described["accounts"]:
        click.echo(
            TRY.format(
                url=url,
                code=first["va"]["access_code"],
                account=described["accounts"][0]["id"],
                admin=first["admin"]["display_name"],
                token=first["admin"]["token"],
            )
        )
