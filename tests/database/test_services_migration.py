"""The migration to services: what it allows, and what going back leaves."""

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from models import migrations
from models.database import Database
from models.reach import EVERY_ORG
from tests.support.databases import migrate, opened
from tests.support.services import service
from tests.support.settings import settings_for
from tests.support.world import World


def move(database: Database, command: str, where: str) -> None:
    with database.write(EVERY_ORG) as session:
        migrations.run(command, session.connection(), where)


def test_going_back_leaves_the_people_and_their_log(empty_url: str) -> None:
    migrate(empty_url)
    with opened(empty_url) as database:
        world = World(database, settings_for(empty_url))
        maya, ana = world.admin(), world.va()
        made = service(world)
        before = [event.id for event in world.log() if not event.kind.startswith("service")]
        with pytest.raises(IntegrityError):
            set_role(database, ana.id, "robot")
        move(database, "downgrade", "0008")
        with pytest.raises(IntegrityError):
            set_role(database, ana.id, "service")
        move(database, "upgrade", "head")
        assert [event.id for event in world.log()] == before
        assert world.member_now(maya).role == "admin"
        with database.read(EVERY_ORG) as session:
            found = session.execute(text("SELECT count(*) FROM memberships")).scalar_one()
            people = session.execute(text("SELECT count(*) FROM users")).scalar_one()
        assert (found, people) == (2, 2)
        assert service(world).id != made.id


def set_role(database: Database, member_id: UUID, role: str) -> None:
    id_ = member_id.hex if database.is_sqlite else str(member_id)
    with database.write(EVERY_ORG) as session:
        session.execute(
            text("UPDATE memberships SET role = :role WHERE id = :id"), {"role": role, "id": id_}
        )
