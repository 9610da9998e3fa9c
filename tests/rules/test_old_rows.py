"""Rows that nobody needs any more go, a few at a time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from context import Context
from live import sweeper
from models import IdempotencyKey, RateLimit
from models.across_orgs import DELETE_OLD_KEYS
from models.reach import EVERY_ORG
from services import rate_limits
from tests.support.databases import opened
from tests.support.sweeping import NOW, Clock, keys
from tests.support.world import World


def test_keys_are_kept_for_seven_days(world: World, context: Context, clock: Clock) -> None:
    world.clock_in(world.va(), world.account(), NOW, key="k")
    clock.at(7 * 86400)
    sweeper.delete_old_rows(context)
    assert keys(world) == 1
    clock.at(7 * 86400 + 1)
    sweeper.delete_old_rows(context)
    assert keys(world) == 0


OLD = 20_000


def many_old(world: World) -> None:
    """Keys and limits that nobody needs any more; half of the keys of one moment."""
    ana, then = world.va(), NOW - timedelta(days=30)
    each = {"membership_id": ana.id, "org_id": world.id, "digest": b"d" * 32, "answer": {"a": 1}}
    ages = [timedelta(seconds=max(0, number - OLD // 2)) for number in range(OLD)]
    with world.database.write(EVERY_ORG) as session:
        session.execute(
            insert(IdempotencyKey),
            [{**each, "key": str(n), "created_at": then + age} for n, age in enumerate(ages)],
        )
        session.execute(
            insert(RateLimit),
            [{"key": str(n), "hits": [], "expires_at": then} for n in range(OLD // 10)],
        )


def test_old_rows_go_a_few_at_a_time_and_others_write_between(
    world: World, context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_old(world)
    account, ben = world.account(), world.va("Ben Cruz")
    deleted: list[int] = []
    written: list[int] = []

    def counted(delete_old: Callable[..., int]) -> Callable[..., int]:
        def count(*given: Any, **more: Any) -> int:
            deleted.append(delete_old(*given, **more))
            return deleted[-1]

        return count

    with opened(context.settings) as anothers:  # another process's
        elsewhere = replace(world)
        elsewhere.database, elsewhere.id = anothers, world.id

        def others_write(_seconds: float) -> None:
            elsewhere.clock_in(ben, account)
            written.append(len(deleted))

        monkeypatch.setattr(sweeper, "sleep", others_write)
        monkeypatch.setattr(sweeper, "DELETERS", [counted(each) for each in sweeper.DELETERS])
        while not sweeper.delete_old_rows(context):
            pass
    assert sum(deleted) == OLD + OLD // 10
    assert max(deleted) == sweeper.DELETE_ROWS
    assert written == list(range(1, len(deleted) + 1))
    assert keys(world) == 0


def test_old_rows_are_found_by_their_index(world: World, context: Context) -> None:
    many_old(world)
    database = world.database
    found: list[str] = []
    prefix = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("DELETE FROM"):
            cursor.execute(prefix + statement, parameters)
            found.append(" ".join(str(each) for row in cursor for each in row))

    event.listen(database.engine, "before_cursor_execute", explain)
    with database.write(EVERY_ORG) as session:
        if not database.is_sqlite:
            session.execute(text("ANALYZE"))  # else it plans for what other tests left
        given = {"before": NOW, "most": sweeper.DELETE_ROWS}
        session.execute(DELETE_OLD_KEYS.statement, given)  # what PostgreSQL's function runs
        rate_limits.delete_old(session, now=NOW, most=sweeper.DELETE_ROWS)
    event.remove(database.engine, "before_cursor_execute", explain)
    assert len(found) == 2
    for plan in found:
        assert "Seq Scan" not in plan
        assert "SCAN" not in plan.replace("SCAN CONSTANT", "")
        assert "TEMP B-TREE" not in plan
