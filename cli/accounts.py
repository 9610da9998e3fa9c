"""flask account"""

import click

from cli.common import Name, as_json, locking, org_called, say, writing
from services import accounts


@click.group()
def account() -> None:
    """Client accounts."""


@account.command()
@click.option("--org", required=True, help="The org's id, or its name.")
@click.argument("name", type=Name())
@as_json
def add(org: str, name: str, as_json: bool) -> None:
    """Make an account."""
    with writing() as session, locking(session, org_called(session, org).id) as change:
        made = accounts.add(change, name, actor=None)
    say({"id": str(made.id), "name": name}, f"Made the account {name}: {made.id}", as_json=as_json)
