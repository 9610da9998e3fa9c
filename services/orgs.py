"""Orgs: making and finding them."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Org
from models.constraints import violated
from models.versions import Versions
from services.errors import IdTaken
from services.times import unix_milliseconds

_ID = ("pk_orgs", "uq_orgs_id")  # its constraint, as PostgreSQL and SQLite tell it


def create(session: Session, name: str, *, now: datetime, id: UUID | None = None) -> Org:
    """Make an empty org; all its versions start at the current time.

    :param id: its id elsewhere; a new one where not given
    :raises IdTaken: an org has this id
    """
    versions = dict.fromkeys(Versions._fields, unix_milliseconds(now))
    org = Org(id=id or uuid4(), name=name, created_at=now, **versions)
    try:
        with session.begin_nested():
            session.add(org)
    except IntegrityError as error:
        if violated(error) not in _ID:
            raise
        raise IdTaken(org.id) from error
    return org


def find_named(session: Session, name: str) -> list[Org]:
    """The orgs with this name, the oldest first; names of orgs need not be unique."""
    return list(session.scalars(select(Org).where(Org.name == name).order_by(Org.created_at)))


def any_exists(session: Session) -> bool:
    """Whether there is any org."""
    return session.scalar(select(Org.id).limit(1)) is not None
