"""Roles: what a member sees, and whether they administer the org."""

from dataclasses import dataclass

from models.views import OCCUPANCY, PEOPLE, View


@dataclass(frozen=True, slots=True)
class Role:
    """One role. A new one needs a line below, and a migration of the CHECK on ``memberships``.

    :ivar rank: lists of members begin with the lowest
    """

    name: str
    rank: int
    sees: View
    administers: bool


ROLES = {
    role.name: role
    for role in (
        Role("admin", rank=0, sees=PEOPLE, administers=True),
        Role("va", rank=100, sees=OCCUPANCY, administers=False),
    )
}
