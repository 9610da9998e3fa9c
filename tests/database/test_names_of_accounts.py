"""The migration after which names of accounts need not be unique."""

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from models import Account
from models.reach import EVERY_ORG
from tests.support.databases import migrate, migrate_to, opened
from tests.support.settings import settings_for
from tests.support.world import World, dump


def test_accounts_survive_it_with_all_that_refers_to_them(empty_url: str) -> None:
    migrate(empty_url)
    with opened(empty_url) as database:
        world = World(database, settings_for(empty_url))
        acme, heron, ana = world.account("Acme"), world.account("Heron"), world.va()
        world.archive(heron)
        world.code(ana, account=acme)
        world.clock_in(ana, acme)
        before = dump(database)
        migrate_to(database, "downgrade", "0007")
        with pytest.raises(IntegrityError), database.write(EVERY_ORG) as session:
            session.execute(update(Account).values(name_casefolded="acme"))
        migrate_to(database, "upgrade", "head")
        assert dump(database) == before
        with database.write(EVERY_ORG) as session:
            session.execute(update(Account).values(name_casefolded="acme"))
        with pytest.raises(IntegrityError), database.write(EVERY_ORG) as session:
            session.execute(delete(Account))
