"""Services of a world, with their tokens."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from models import Service
from services import services
from services.scopes import SCOPES
from tests.support.world import World


class Made(NamedTuple):
    id: UUID
    user_id: UUID
    token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def service(
    world: World,
    *scopes: str,
    name: str = "Sync job",
    now: datetime | None = None,
    lasts: timedelta | None = None,
) -> Made:
    """A new service; without ``scopes`` it has all of them."""
    with world.changing(now) as change:
        described, token = services.add(
            change,
            name=name,
            scopes=scopes or SCOPES,
            actor=None,
            expires_at=change.now + lasts if lasts else None,
        )
    return Made(described.member.id, described.member.user_id, token.raw)


def remove(world: World, made: Made) -> None:
    with world.changing() as change:
        services.remove(change, made.id, actor=None)


def last_used_at(world: World, made: Made) -> datetime | None:
    """As the database has it."""
    with world.database.read(world.id) as session:
        return session.scalars(
            select(Service.last_used_at).where(Service.membership_id == made.id)
        ).one()
