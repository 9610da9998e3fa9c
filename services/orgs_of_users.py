"""Which org a caller means whose token is for none: contract.md, "Tokens of a trusted issuer"."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from models.across_orgs import MEMBERS_VERSIONS, ORGS_OF_USERS
from models.roles import ROLES
from services.errors import NotAuthenticated, OrgRequired


class OrgOfUser(NamedTuple):
    """:ivar active: whether the membership is"""

    id: UUID
    name: str
    active: bool


def find(session: Session, user_ids: Iterable[UUID]) -> dict[UUID, list[OrgOfUser]]:
    """The orgs that each of these people is or was a member of, by name.

    :param session: in a transaction of any org, or of none
    """
    found: dict[UUID, list[OrgOfUser]] = {}
    for row in ORGS_OF_USERS.run(session, user_ids=list(user_ids)):
        if not ROLES[row.role].is_person:
            continue  # no issuer vouches for our services
        found.setdefault(row.user_id, []).append(OrgOfUser(row.id, row.name, row.active))
    for orgs in found.values():
        orgs.sort(key=lambda org: (org.name.casefold(), org.id))
    return found


def memberships_mark(session: Session) -> tuple[int, str]:
    """Differs from before whenever a membership of any org has changed."""
    row = MEMBERS_VERSIONS.run(session).one()
    return row.orgs, row.total


def only_active(orgs: Sequence[OrgOfUser]) -> UUID:
    """The only org in which the user is active.

    :raises OrgRequired: there are several
    :raises NotAuthenticated: there is none: ``deactivated`` or ``unknown_member``
    """
    active = [org for org in orgs if org.active]
    if len(active) > 1:
        raise OrgRequired([{"id": org.id, "name": org.name} for org in active])
    if not active:
        raise NotAuthenticated("deactivated" if orgs else "unknown_member")
    return active[0].id
