"""flask org"""

from uuid import UUID

import click

from cli.common import Name, as_json, locking, org_called, say, writing
from services import erasing, orgs
from services.times import utc_now


@click.group()
def org() -> None:
    """Orgs."""


@org.command()
@click.argument("name", type=Name())
@click.option("--id", "org_id", metavar="ID", type=click.UUID, help="Its id elsewhere.")
@as_json
def create(name: str, org_id: UUID | None, as_json: bool) -> None:
    """Make an empty org."""
    with writing() as session:
        made = orgs.create(session, name, now=utc_now(), id=org_id)
    say({"id": str(made.id), "name": name}, f"Made the org {name}: {made.id}", as_json=as_json)


@org.command()
@click.argument("org_id", metavar="ID", type=click.UUID)
@as_json
def delete(org_id: str, as_json: bool) -> None:
    """Erase an org with all its data."""
    with writing() as session:
        found = org_called(session, str(org_id))
        with locking(session, found.id) as change:
            erasing.erase_org(change)
    say({"id": str(org_id), "deleted": True}, f"Erased the org {found.name}.", as_json=as_json)
