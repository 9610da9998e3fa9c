"""Orgs at once on few connections that they share: no transaction sees a row of another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError

from dev_postgres import PostgresServer, own_postgres
from models import Account, Org
from models.database import Database
from models.reach import NO_ORG
from tests.support.databases import GivenUp, empty_postgresql, migrate, opened
from tests.support.pgbouncer import SERVER_CONNECTIONS, running_pgbouncer
from tests.support.settings import settings_for
from tests.support.world import World

TRANSACTIONS = 2_400
THREADS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with own_postgres() as server:
        yield server


def is_right(database: Database, world: World, number: int) -> bool:
    """Whether a transaction saw all rows of its org, and no other, with queries without a WHERE."""
    wanted = {world.id} if number % 5 else set()  # every fifth names no org
    org = world.id if number % 5 else NO_ORG
    if number % 3 == 0:
        with database.read(org) as session:
            orgs = set(session.scalars(select(Org.id)))
            return orgs == set(session.scalars(select(Account.org_id))) == wanted
    try:
        with database.write(org) as session:
            changed = update(Account).values(name_casefolded=str(number)).returning(Account.org_id)
            seen = set(session.scalars(changed))
            if number % 4 == 0:
                raise GivenUp
            if number % 7 == 0:
                session.execute(text("SELECT 1 / 0"))
    except (GivenUp, DataError):
        pass
    return seen == wanted


def test_2400_transactions_of_two_orgs_see_their_own_alone(server: PostgresServer) -> None:
    """Through a pooler with fewer connections than threads, each with transactions of both."""
    assert SERVER_CONNECTIONS < THREADS
    with empty_postgresql(server.url) as url:
        migrate(url)
        with running_pgbouncer(server) as pooler:
            at = make_url(url).set(port=make_url(pooler.url).port)
            settings = settings_for(at.render_as_string(hide_password=False))
            with opened(settings) as database, ThreadPoolExecutor(THREADS) as threads:
                worlds = [World(database, settings, name) for name in ("One", "Two")]
                for number, world in enumerate(2 * worlds):
                    world.account(f"Account {number}")
                found = [
                    threads.submit(is_right, database, worlds[number % 2], number)
                    for number in range(TRANSACTIONS)
                ]
                assert [each.result() for each in found] == [True] * TRANSACTIONS
