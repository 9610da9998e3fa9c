"""flask demo: an org to try the service with."""

from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from cli.common import as_json, locking, say, writing
from models import Membership, Org
from services import access_codes, accounts, members, orgs, presences, sessions
from services.change import Change
from services.times import utc_now

NAME = "Demo Bookkeeping"
ADMINS = ("Maya Chen", "Tom Okafor")
VAS = ("Ana Reyes", "Ben Cruz", "Carla Santos", "Dino Lim", "Ella Ramos", "Finn Garcia")
ACCOUNTS = (
    "Acme Dental",
    "Blue Heron Bakery",
    "Cedar & Sons",
    "Delta Plumbing",
    "Evergreen Yoga",
    "Foxglove Books",
    "Granite Gym",
    "Harbor Law",
)


@click.command()
@as_json
def demo(as_json: bool) -> None:
    """Make the demo org if it is not there, clock everyone in it out, and issue fresh codes."""
    with writing() as session:
        org = find(session) or make(session)
        with locking(session, org.id) as change:
            clear(change)
            described = issue(change, with_tokens=True)
    say(described, in_words(described), as_json=as_json)


def find(session: Session) -> Org | None:
    """The demo org."""
    return next(iter(orgs.find_named(session, NAME)), None)


def make(session: Session) -> Org:
    """Make the demo org, its accounts and its members."""
    org = orgs.create(session, NAME, now=utc_now())
    with locking(session, org.id) as change:
        for name in ACCOUNTS:
            accounts.add(change, name, actor=None)
        for role, names in (("admin", ADMINS), ("va", VAS)):
            for name in names:
                members.add(change, display_name=name, role=role, actor=None)
    return org


def clear(change: Change) -> None:
    """Clock everyone out."""
    for held in presences.alive_where(change):
        presences.end(change, held, "force_clear", actor_id=None, reason="demo")


def issue(
    change: Change, *, expires_at: datetime | None = None, with_tokens: bool = False
) -> dict[str, Any]:
    """Fresh codes for the active members, and what they are for.

    :param expires_at: the end of the codes; None for none
    """
    org = change.org
    return {
        "org": {"id": str(org.id), "name": org.name},
        "accounts": [
            {"id": str(account.id), "name": account.name}
            for account in accounts.list_accounts(change.session, org.id)
        ],
        "members": [
            _with_code(change, member, expires_at)
            | (_with_token(change, member) if with_tokens else {})
            for member in members.list_members(change.session, org.id)
            if member.active
        ],
    }


def in_words(described: dict[str, Any]) -> str:
    """The members with their codes, a line each."""
    width = max((len(member["display_name"]) for member in described["members"]), default=0)
    return "\n".join(
        f"  {member['display_name']:{width}}  {member['role']:5}  {member['access_code']}"
        for member in described["members"]
    )


def _with_code(change: Change, member: Membership, expires_at: datetime | None) -> dict[str, Any]:
    _, typed = access_codes.issue(change, member, actor=None, expires_at=expires_at)
    return {
        "id": str(member.id),
        "user_id": str(member.user_id),
        "display_name": member.display_name,
        "role": member.role,
        "access_code": typed,
    }


def _with_token(change: Change, member: Membership) -> dict[str, str]:
    return {"token": sessions.hand_out(change, member, actor=None).raw}
