"""Every transaction says whose rows it may see, and leaves that to no other."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.database import Database
from models.reach import EVERY_ORG, NO_ORG, Reach
from services import access_codes
from services.times import utc_now
from tests.support.world import World

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
Transaction = Callable[[UUID | Reach], AbstractContextManager[Session]]
ORG = UUID("0190f000-0000-7000-8000-000000000000")


@pytest.fixture(params=["read", "write"])
def transaction(request: pytest.FixtureRequest, database: Database) -> Transaction:
    return cast(Transaction, getattr(database, request.param))


def setting(session: Session) -> str:
    return str(session.scalar(text("SELECT current_setting('presence.org_id', true)")))


@pytest.mark.parametrize(
    ("org", "shown"), [(ORG, str(ORG)), (NO_ORG, ""), (EVERY_ORG, "*")], ids=str
)
def test_a_transaction_is_of_the_org_that_it_names(
    transaction: Transaction, org: UUID | Reach, shown: str
) -> None:
    with transaction(org) as session:
        assert setting(session) == shown


def test_the_org_ends_with_the_transaction(transaction: Transaction) -> None:
    with transaction(ORG) as session:
        session.rollback()
        assert setting(session) == ""


def test_a_code_names_its_org_whatever_has_become_of_it(world: World) -> None:
    World(world.database, world.settings, "Other Bookkeeping").va()
    ana = world.va()
    codes = [
        world.code(ana),
        world.code(ana, expires_at=utc_now() - timedelta(days=1)),
        world.code(ana),
    ]
    with world.changing() as change:
        newest = access_codes.list_codes(change.session, ana)[0]
        access_codes.revoke(change, newest, ana, actor=None)
    world.deactivate(ana)
    for code in codes:
        with world.database.write(access_codes.org_of(code, world.settings)) as session:
            assert setting(session) == str(world.id)


@pytest.mark.parametrize("typed", ["0000-0000-0000", "no code"])
def test_an_unknown_code_names_no_org(world: World, typed: str) -> None:
    with world.database.write(access_codes.org_of(typed, world.settings)) as session:
        assert setting(session) == ""
