"""Roles: what a member sees, whether they administer the org, and whether they are a person."""

from dataclasses import dataclass

from models.views import OCCUPANCY, PEOPLE, View


@dataclass(frozen=True, slots=True)
class Role:
    """One role. A new one needs a line below, and a migration of the CHECK on ``memberships``.

    :ivar rank: lists of members begin with the lowest
    :ivar is_person: False for a service, which may do what its scopes allow (models/service.py)
    """

    name: str
    rank: int
    sees: View
    administers: bool
    is_person: bool = True


ROLES = {
    role.name: role
    for role in (
        Role("admin", rank=0, sees=PEOPLE, administers=True),
        Role("va", rank=100, sees=OCCUPANCY, administers=False),
        Role("service", rank=200, sees=PEOPLE, administers=False, is_person=False),
    )
}
SERVICE = "service"
ROLES_OF_PEOPLE = tuple(role.name for role in ROLES.values() if role.is_person)
