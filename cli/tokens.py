"""flask token"""

from uuid import UUID

import click

from cli.common import as_json, of_member, say
from services import sessions
from services.times import rfc3339
from settings import SECONDS_MAX


@click.group()
def token() -> None:
    """Bearer tokens."""


@token.command()
@click.option("--member", "member_id", required=True, type=click.UUID, help="The member's id.")
@click.option("--ttl", type=click.IntRange(1, SECONDS_MAX), help="Seconds that it is valid.")
@as_json
def issue(member_id: UUID, ttl: int | None, as_json: bool) -> None:
    """Make a bearer token, for scripts."""
    with of_member(member_id) as (change, member):
        made = sessions.hand_out(change, member, actor=None, ttl_seconds=ttl)
    say(
        {
            "token": made.raw,
            "token_type": "Bearer",
            "expires_at": rfc3339(made.claims.expires_at),
            "member_id": str(member_id),
        },
        made.raw,
        as_json=as_json,
    )
