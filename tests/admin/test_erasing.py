"""Erasing a person, and an org: nothing of them is left, and nothing else is lost."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import inspect, text

from models import Account, Membership
from models.database import Database
from models.reach import EVERY_ORG
from services import access_codes, clocking, sessions
from services.change import Client
from services.times import utc_now
from settings import Settings
from tests.support.app_client import AppClient
from tests.support.databases import version_table
from tests.support.world import World

NAME = "Aurelia Reyes-Quimby"
WRITTEN = "asked to go home at noon"
ADDRESS, USER_AGENT = "203.0.113.77", "Quimby's browser"


@dataclass
class Story:
    """A member with a past, who is on an account now."""

    world: World
    member: Membership
    other: Membership
    account: Account
    code: str

    @property
    def traces(self) -> dict[str, bytes]:
        """What would tell of the member, as it is stored."""
        digest = access_codes.digests(access_codes.normalise(self.code), self.world.settings)[0]
        return {
            "name": NAME.encode(),
            "user id": self.member.user_id.hex.encode(),
            "membership id": self.member.id.hex.encode(),
            "access code": digest,
            "idempotency key": b"key-of-hers",
            "reason": WRITTEN.encode(),
            "address": ADDRESS.encode(),
            "user agent": USER_AGENT.encode(),
        }


@pytest.fixture
def story(world: World) -> Story:
    return story_in(world, world.admin(NAME))


def story_in(world: World, member: Membership) -> Story:
    """She works, is cleared with a reason, clears another one herself, and works again."""
    other, account = world.admin("Tom Okafor"), world.account("Acme Dental")
    bakery = world.account("Blue Heron Bakery")
    code = world.code(member)
    with world.changing_member(member) as (change, found):
        change.client = Client(ADDRESS, USER_AGENT)
        sessions.begin(change, found)
    world.clock_in(member, bakery)
    world.clock_in(member, account, key="key-of-hers")
    clear(world, other, account, WRITTEN)
    world.clock_in(other, account)
    clear(world, member, account, None)
    world.clock_in(member, account)
    return Story(world, member, other, account, code)


def clear(world: World, admin: Membership, account: Account, reason: str | None) -> None:
    def force_clear(change: Any, caller: Any) -> None:
        clocking.force_clear(change, caller, account.id, reason=reason)

    world.as_caller(admin, force_clear)


@pytest.fixture
def flask(app: Flask) -> Callable[..., None]:
    def run(*arguments: str) -> None:
        with app.app_context():
            done = app.test_cli_runner().invoke(args=arguments)
        assert done.exit_code == 0, done.output

    return run


def dump(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    with database.read(EVERY_ORG) as session:
        return {
            table: [
                dict(row)
                for row in session.execute(text(f"SELECT * FROM {table}")).mappings()  # noqa: S608
            ]
            for table in inspect(session.connection()).get_table_names()
        }


def rows_of(database: Database, org_id: UUID) -> dict[str, list[str]]:
    """What the database has of an org."""
    return {
        table: sorted(str(plain(row)) for row in rows if org_id.hex in plain(row).values())
        for table, rows in dump(database).items()
    }


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """The same on both databases."""

    def same(value: Any) -> Any:
        if isinstance(value, UUID):
            return value.hex
        return bytes(value) if isinstance(value, memoryview) else value

    return {name: same(value) for name, value in row.items()}


def stored(database: Database) -> bytes:
    """All that the tables hold, and for SQLite all that the file does."""
    values = (
        value
        for rows in dump(database).values()
        for row in rows
        for value in plain(row).values()
        if value is not None
    )
    tables = b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)
    tables += tables.replace(b"-", b"")  # an id within a text or JSON has dashes
    if not database.is_sqlite:
        return tables
    path = Path(database.engine.url.database or "")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    return tables + path.read_bytes()


def events(database: Database, account: Account) -> list[tuple[Any, ...]]:
    """What happened on the account, and when."""
    return [
        (row["kind"], row["occurred_at"], row["presence_id"], row["account_name"])
        for row in sorted(dump(database)["clock_events"], key=lambda row: row["seq"])
        if plain(row)["account_id"] == account.id.hex
    ]


def test_no_trace_of_an_erased_person_is_left(
    story: Story, database: Database, flask: Callable[..., None]
) -> None:
    before = stored(database)
    assert [name for name, trace in story.traces.items() if trace not in before] == []
    flask("member", "delete", str(story.member.id))
    after = stored(database)
    assert [name for name, trace in story.traces.items() if trace in after] == []


def test_an_erased_person_is_shut_out(
    story: Story, client: AppClient, flask: Callable[..., None]
) -> None:
    headers = story.world.bearer(story.member)
    flask("member", "delete", str(story.member.id))
    assert client.get("/v1/me", headers=headers).status_code == 401
    answer = client.post("/v1/sessions", json={"access_code": story.code})
    assert answer.status_code == 401


def test_an_erased_persons_presence_ends_for_all_viewers(
    story: Story, client: AppClient, flask: Callable[..., None]
) -> None:
    viewers = [story.world.bearer(viewer) for viewer in (story.other, story.world.va())]
    polls = [client.get("/v1/presence", headers=headers) for headers in viewers]
    assert [len(poll.json["presence"]) for poll in polls] == [1, 1]
    flask("member", "delete", str(story.member.id))
    for headers, poll in zip(viewers, polls, strict=True):
        tag = {"If-None-Match": poll.headers["ETag"]}
        now = client.get("/v1/presence", headers=headers | tag)
        assert now.status_code == 200
        assert now.json["presence"] == []
        assert now.json["version"] > poll.json["version"]


def test_an_accounts_hours_outlive_the_person(
    story: Story, database: Database, flask: Callable[..., None]
) -> None:
    before = events(database, story.account)
    kinds = ["switch", "force_clear", "clock_in", "force_clear", "clock_in"]
    assert [kind for kind, *_ in before] == kinds
    flask("member", "delete", str(story.member.id))
    after = events(database, story.account)
    assert after[:-1] == before
    assert (after[-1][0], after[-1][2:]) == ("force_clear", before[-1][2:])


def test_what_others_did_keeps_their_names(
    story: Story, database: Database, flask: Callable[..., None]
) -> None:
    flask("member", "delete", str(story.member.id))
    names = {row["display_name"] for row in dump(database)["clock_events"]}
    assert names == {"(erased)", "Tom Okafor"}


def test_erasing_a_person_from_one_org_leaves_the_other(
    story: Story,
    database: Database,
    settings: Settings,
    client: AppClient,
    flask: Callable[..., None],
) -> None:
    elsewhere = story_elsewhere(story.member, database, settings)
    before = rows_of(database, elsewhere.world.id)
    assert all(before[table] for table in ("account_presence", "clock_events", "access_codes"))
    flask("member", "delete", str(story.member.id))
    assert rows_of(database, elsewhere.world.id) == before
    assert client.post("/v1/sessions", json={"access_code": elsewhere.code}).status_code == 200
    flask("member", "delete", str(elsewhere.member.id))
    assert story.member.user_id.hex.encode() not in stored(database)


def test_an_erased_org_leaves_nothing_and_others_all(
    story: Story, database: Database, settings: Settings, flask: Callable[..., None]
) -> None:
    elsewhere = story_elsewhere(story.member, database, settings)
    before = rows_of(database, elsewhere.world.id)
    flask("org", "delete", str(story.world.id))
    assert rows_of(database, elsewhere.world.id) == before
    assert not any(rows_of(database, story.world.id).values())
    left = stored(database)
    for gone in (story.world.id, story.member.id, story.other.user_id, story.account.id):
        assert gone.hex.encode() not in left
    assert story.world.name.encode() not in left
    flask("org", "delete", str(elsewhere.world.id))
    empty = dump(database)
    assert empty.pop(version_table(database))
    assert not any(empty.values())


def story_elsewhere(member: Membership, database: Database, settings: Settings) -> Story:
    """The same in another org, by the same person."""
    world = World(database, settings, "Other org")
    with world.changing() as change:
        same = Membership(
            id=uuid4(),
            org_id=world.id,
            user_id=member.user_id,
            display_name=NAME,
            role="admin",
            active=True,
            token_generation=0,
            created_at=utc_now(),
        )
        change.session.add(same)
    return story_in(world, same)
