"""flask member"""

from uuid import UUID

import click

from cli.common import Name, as_json, locking, of_member, org_called, say, writing
from models.roles import ROLES_OF_PEOPLE
from services import erasing, members


@click.group()
def member() -> None:
    """Members of an org."""


@member.command()
@click.option("--org", required=True, help="The org's id, or its name.")
@click.option("--name", required=True, type=Name(), help="The name that admins see.")
@click.option("--role", required=True, type=click.Choice(ROLES_OF_PEOPLE))
@as_json
def add(org: str, name: str, role: str, as_json: bool) -> None:
    """Make a member."""
    with writing() as session, locking(session, org_called(session, org).id) as change:
        made = members.add(change, display_name=name, role=role, actor=None)
    say(
        {
            "id": str(made.id),
            "user_id": str(made.user_id),
            "display_name": name,
            "role": role,
        },
        f"Made the member {name}: {made.id}",
        as_json=as_json,
    )


@member.command()
@click.argument("member_id", metavar="ID", type=click.UUID)
@as_json
def delete(member_id: UUID, as_json: bool) -> None:
    """Erase a person's data from an org."""
    with of_member(member_id) as (change, found):
        name = found.display_name
        erasing.erase_member(change, found)
    say({"id": str(member_id), "deleted": True}, f"Erased {name}.", as_json=as_json)
