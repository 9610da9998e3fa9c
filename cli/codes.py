"""flask code"""

from datetime import timedelta
from uuid import UUID

import click

from cli.common import account_of, as_json, of_member, say
from services import access_codes
from services.times import rfc3339
from settings import SECONDS_MAX


@click.group()
def code() -> None:
    """Access codes."""


@code.command()
@click.option("--member", "member_id", required=True, type=click.UUID, help="The member's id.")
@click.option("--account", "account_id", type=click.UUID, help="The only account it is for.")
@click.option("--expires-in", type=click.IntRange(1, SECONDS_MAX), help="Seconds that it is valid.")
@as_json
def issue(member_id: UUID, account_id: UUID | None, expires_in: int | None, as_json: bool) -> None:
    """Issue an access code. It is shown only once."""
    with of_member(member_id) as (change, member):
        expires_at = change.now + timedelta(seconds=expires_in) if expires_in else None
        row, typed = access_codes.issue(
            change,
            member,
            actor=None,
            account=account_of(change, account_id),
            expires_at=expires_at,
        )
    say(
        {
            "id": str(row.id),
            "member_id": str(member_id),
            "account_id": str(account_id) if account_id else None,
            "expires_at": rfc3339(expires_at) if expires_at else None,
            "access_code": typed,
        },
        f"{typed}\nThe access code of {member.display_name}. It can't be shown again.",
        as_json=as_json,
    )
