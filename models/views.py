"""Views: what of an org's presences somebody sees."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One view; there is one object of each, so views are compared by identity.

    :ivar name: as the wire and the tags have it
    :ivar version_column: the column of ``orgs`` that grows with each change that the view shows
    :ivar shows_people: whether it shows who is on an account, or only that somebody is
    """

    name: str
    version_column: str
    shows_people: bool


PEOPLE = View("admin", "version", shows_people=True)
OCCUPANCY = View("va", "va_version", shows_people=False)
VIEWS = (PEOPLE, OCCUPANCY)
