"""flask service"""

from datetime import timedelta

import click

from cli.common import Name, as_json, locking, org_called, say, writing
from services import services
from services.scopes import SCOPES
from services.services import LONGEST
from services.times import rfc3339


@click.group()
def service() -> None:
    """Services: programs that call the API."""


@service.command()
@click.option("--org", required=True, help="The org's id, or its name.")
@click.option("--name", required=True, type=Name(), help="The name that the audit log shows.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    type=click.Choice(SCOPES),
    help="What it may do; others may follow it.",
)
@click.argument("further_scopes", metavar="", nargs=-1, type=click.Choice(SCOPES))
@click.option(
    "--expires-in",
    type=click.IntRange(1, int(LONGEST.total_seconds())),
    help="Seconds that its token is valid; 90 days if not given.",
)
@as_json
def issue(
    org: str,
    name: str,
    scopes: tuple[str, ...],
    further_scopes: tuple[str, ...],
    expires_in: int | None,
    as_json: bool,
) -> None:
    """Make a service, and print its token. It is shown only once."""
    with writing() as session, locking(session, org_called(session, org).id) as change:
        described, token = services.add(
            change,
            name=name,
            scopes=list(dict.fromkeys(scopes + further_scopes)),
            actor=None,
            expires_at=change.now + timedelta(seconds=expires_in) if expires_in else None,
        )
    say(
        {
            "id": str(described.member.id),
            "user_id": str(described.member.user_id),
            "name": name,
            "scopes": described.scopes,
            "expires_at": rfc3339(described.service.expires_at),
            "token": token.raw,
        },
        token.raw,
        as_json=as_json,
    )
