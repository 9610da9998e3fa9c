"""Heartbeats that are written together, in one statement for all orgs."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from models import Account, Membership, Presence
from models.reach import EVERY_ORG, NO_ORG
from services import directory, heartbeats
from services.heartbeats import Beats
from services.listed_accounts import ListedAccount
from services.listed_members import ListedMember
from services.times import utc_now
from tests.support.world import World, ago

SECOND = timedelta(seconds=1)
MANY = 2_000


def beat_all(world: World, ids: Iterable[UUID], now: datetime | None = None) -> Beats:
    with world.database.write(NO_ORG) as session:
        return heartbeats.beat_all(
            session, list(ids), settings=world.settings, now=now or utc_now()
        )


def beaten_at(world: World) -> datetime:
    (held,) = world.held()
    return held.last_heartbeat_at


def test_heartbeats_of_several_orgs_are_written_at_once(world: World) -> None:
    other, now = World(world.database, world.settings, "Another org"), utc_now()
    both = {
        each.clock_in(each.va(), each.account(), ago(60)).presence_id for each in (world, other)
    }
    versions = world.versions(), other.versions()
    assert beat_all(world, [*both, uuid4()], now) == (both, set())
    assert (beaten_at(world), beaten_at(other)) == (now, now)
    assert (world.versions(), other.versions()) == versions
    # Another process has written them just now.
    assert beat_all(world, both, now + SECOND) == (set(), both)
    assert beaten_at(world) == now


# Seconds since the last heartbeat, by the settings' defaults.
@pytest.mark.parametrize("since", [-7200, -1, 0, 14.999, 15, 119.999, 120, 3599.999, 3600, 7200])
@pytest.mark.parametrize("stale", [False, True])
def test_one_heartbeat_and_many_follow_the_same_rule(
    world: World, since: float, stale: bool
) -> None:
    ana, at = world.va(), utc_now()
    held = world.clock_in(ana, world.account(), at)
    now = at + timedelta(seconds=since)
    again = update(Presence).values(last_heartbeat_at=at, stale_since=at if stale else None)
    with world.database.write(world.id) as session:
        session.execute(again)
        alone = heartbeats.beat(session, ana, held.presence_id, settings=world.settings, now=now)
    written_alone = beaten_at(world) == now
    with world.database.write(world.id) as session:
        session.execute(again)
    together = beat_all(world, [held.presence_id], now)
    assert any(together) is alone
    assert (beaten_at(world) == now) is written_alone
    assert bool(together.written) is (alone and (written_alone and since != 0))


def test_a_locked_presence_holds_nobody_up(world: World) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite locks no rows")
    other = World(world.database, world.settings, "Another org")
    locked = world.clock_in(world.va(), world.account(), ago(60)).presence_id
    free = other.clock_in(other.va(), other.account(), ago(60)).presence_id
    with world.database.write(world.id) as switching:
        switching.execute(update(Presence).values(clocked_in_at=ago(1)))
        assert beat_all(world, [locked, free]) == ({free}, set())


def clock_in_many(world: World) -> list[UUID]:
    names = [f"Number {number}" for number in range(MANY)]
    with world.changing() as change:
        directory.sync(
            change,
            accounts=[ListedAccount(uuid4(), name, archived=False) for name in names],
            members=[ListedMember(uuid4(), name, "va", active=True) for name in names],
            actor=None,
        )
        accounts = change.session.scalars(select(Account.id))
        members = change.session.scalars(select(Membership).where(Membership.role == "va"))
        each = {"org_id": world.id, "clocked_in_at": ago(60), "last_heartbeat_at": ago(60)}
        presences = [
            {
                "id": uuid4(),
                "account_id": account_id,
                "user_id": member.user_id,
                "membership_id": member.id,
                **each,
            }
            for account_id, member in zip(accounts, members, strict=True)
        ]
        change.session.execute(insert(Presence), presences)
        return list(change.session.scalars(select(Presence.id)))


def scans(session: Session) -> tuple[int, int]:
    """Those of the whole table, and those by an index."""
    row = session.execute(
        text("SELECT * FROM pg_stat_xact_user_tables WHERE relname = 'account_presence'")
    ).one()
    return row.seq_scan, row.idx_scan


def test_a_batch_reads_no_whole_table(world: World) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite counts no scans")
    world.admin()
    ids = clock_in_many(world)
    for number in range(12):  # PostgreSQL plans a function's statement anew a few times
        some, now = ids[number * 50 : number * 50 + 50], utc_now()
        with world.database.write(NO_ORG) as session:
            whole, by_index = scans(session)
            for _ in range(2):
                heartbeats.beat_all(session, some, settings=world.settings, now=now)
            assert scans(session)[0] == whole
            assert scans(session)[1] > by_index
        if number == 6:
            with world.database.write(EVERY_ORG) as session:
                session.execute(text("ANALYZE"))
