"""A database of the release before versions counted in milliseconds, and who polls it meanwhile."""

import asyncio
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text, update

from app import create_app
from models import Org, migrations
from models.database import Database
from models.reach import EVERY_ORG
from services.times import unix_milliseconds, utc_now
from tests.support.asgi_client import ask, memory_of, started, until, until_answered
from tests.support.databases import migrate, opened
from tests.support.settings import settings_for
from tests.support.world import World

MOST = 10**15  # contract.md, "Words": a version has 15 digits at most
# Members of this release have it, whatever the database is.
LATER = "tokens_valid_from TIMESTAMP WITH TIME ZONE"
COLUMNS = ("version", "va_version", "accounts_version", "members_version")


@pytest.fixture
def previous(empty_url: str) -> Iterator[World]:
    """An org whose versions are in microseconds, in a database that is not yet migrated."""
    migrate(empty_url)
    with opened(empty_url) as database:
        world = World(database, settings_for(empty_url))
        world.clock_in(world.va(), world.account())
        raise_to_microseconds(database)
        with database.write(EVERY_ORG) as session:
            migrations.run("downgrade", session.connection(), "0006")
            session.execute(text(f"ALTER TABLE memberships ADD COLUMN {LATER}"))
            session.execute(text("UPDATE clock_events SET version = version * 1000"))
        yield world


def raise_to_microseconds(database: Database) -> None:
    """As the previous release raises versions."""
    with database.write(EVERY_ORG) as session:
        session.execute(
            update(Org).values({name: Org.__table__.c[name] * 1000 for name in COLUMNS})
        )


def upgrade(database: Database) -> None:
    with database.write(EVERY_ORG) as session:
        session.execute(text("ALTER TABLE memberships DROP COLUMN tokens_valid_from"))
        assert migrations.upgrade(session.connection())


def all_versions(world: World) -> list[int]:
    org = world.org()
    return [getattr(org, column) for column in COLUMNS]


def test_versions_and_the_history_come_down(previous: World) -> None:
    before, (event,) = all_versions(previous), previous.events()
    assert min(*before, event.version) > MOST
    upgrade(previous.database)
    assert all_versions(previous) == [version // 1000 for version in before]
    assert [kept.version for kept in previous.events()] == [event.version // 1000]


def test_the_next_change_raises_them_by_the_new_scale(previous: World) -> None:
    upgrade(previous.database)
    before = previous.org().version
    previous.account("Heron")
    assert before < previous.org().version < MOST
    assert previous.org().version <= unix_milliseconds(utc_now()) + 2


def test_what_the_previous_release_raises_beside_this_one_comes_down(previous: World) -> None:
    upgrade(previous.database)
    raise_to_microseconds(previous.database)
    beside = all_versions(previous)
    previous.rename_member(previous.va("Ben Cruz"), "Benjamin Cruz")
    assert all(
        old // 1000 < new < MOST for old, new in zip(beside, all_versions(previous), strict=True)
    )
    assert max(event.version for event in previous.events()) < MOST


def test_going_back_needs_nothing(previous: World) -> None:
    upgrade(previous.database)
    before = all_versions(previous)
    with previous.database.write(EVERY_ORG) as session:
        migrations.run("downgrade", session.connection(), "0006")
    assert all_versions(previous) == before


def test_pollers_go_on(previous: World) -> None:
    """Theirs are tags and versions greater than the database has after the migration."""
    maya = previous.admin()
    raise_to_microseconds(previous.database)
    bearer = previous.bearer(maya)
    app = create_app(previous.settings)
    try:
        asyncio.run(poll_across_the_migration(previous, app, bearer))
    finally:
        app.extensions["presence"].database.close()


async def poll_across_the_migration(world: World, app: Flask, bearer: dict[str, str]) -> None:
    async with started(app) as application, started(app) as other:
        known = await ask(application, bearer)
        assert known.json["version"] > MOST
        newer = bearer | {"If-None-Match": known.tag}
        assert (await ask(application, newer)).status == 304
        waiting = asyncio.create_task(ask(application, newer | {"Prefer": "wait=30"}))
        await until(lambda: memory_of(application, world).waiters)
        upgrade(world.database)
        assert (await waiting).json["version"] == known.json["version"] // 1000
        await until_answered(lambda answer: answer.status == 200, lambda: ask(other, newer))
        for worker in (application, other):
            asked = newer | {"Presence-Min-Version": str(known.json["version"])}
            brought_down = await ask(worker, asked)
            assert brought_down.json == known.json | {
                "version": known.json["version"] // 1000,
                "accounts_version": known.json["accounts_version"] // 1000,
            }
            unchanged = bearer | {"If-None-Match": brought_down.tag}
            assert (await ask(worker, unchanged)).status == 304
            # A tab may still ask for what it wrote before.
            asked = unchanged | {"Presence-Min-Version": str(known.json["version"])}
            assert (await ask(worker, asked)).status == 304
        world.account("Heron")
        changed = await until_answered(
            lambda answer: answer.status == 200, lambda: ask(application, unchanged)
        )
        assert brought_down.json["version"] < changed.json["version"] < MOST
