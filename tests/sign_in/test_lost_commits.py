"""What has not been committed is neither counted nor told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

import metrics
from tests.support.app_client import AppAnswer, AppClient
from tests.support.commands import CODE, invoke
from tests.support.log_lines import Lines
from tests.support.problems import assert_problem
from tests.support.sign_in_limit import UNKNOWN, assert_has_to_wait, attempt, exhaust
from tests.support.world import World

Ask = Callable[[], AppAnswer]
RESULTS = ("accepted", "unknown", "revoked", "not_allowed", "locked_out")


@contextmanager
def lost_commits(after: int = 0) -> Iterator[None]:
    """From then on the database goes away before each commit.

    :param after: so many that do commit
    """
    left = after

    def lose(_session: Session) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OperationalError("COMMIT", None, Exception())

    event.listen(Session, "before_commit", lose)
    try:
        yield
    finally:
        event.remove(Session, "before_commit", lose)


def counted() -> dict[str, float]:
    value = metrics.REGISTRY.get_sample_value
    return {each: value("presence_sign_ins_total", {"result": each}) or 0.0 for each in RESULTS}


def told_once_committed(ask: Ask, status: int, result: str, lines: Lines) -> None:
    """:param status: of an attempt that is committed"""
    before = counted()
    with lost_commits():
        assert_problem(ask(), 503, "database_unavailable")
    (line,) = lines()
    assert "reason=" not in line
    assert counted() == before
    assert ask().status_code == status
    assert counted() == before | {result: before[result] + 1}


@pytest.mark.parametrize("clocks_in", [False, True])
def test_a_sign_in_is_accepted_once_it_is_committed(
    world: World, client: AppClient, lines: Lines, clocks_in: bool
) -> None:
    code, acme = world.code(world.va()), world.account()
    body: dict[str, Any] = {"account_id": acme.id} if clocks_in else {}

    def ask() -> AppAnswer:
        return attempt(client, code, **body)

    told_once_committed(ask, 201 if clocks_in else 200, "accepted", lines)


def test_a_refused_code_is_counted_once_it_is_committed(client: AppClient, lines: Lines) -> None:
    told_once_committed(lambda: attempt(client, UNKNOWN), 401, "unknown", lines)


def test_who_has_to_wait_is_counted_once(client: AppClient, lines: Lines) -> None:
    exhaust(client)
    lines()
    told_once_committed(lambda: attempt(client), 429, "locked_out", lines)
    assert_has_to_wait(attempt(client))


def test_another_account_than_the_codes_is_counted_once_it_is_committed(
    world: World, client: AppClient
) -> None:
    acme, heron = world.account(), world.account("Blue Heron Bakery")
    code, before = world.code(world.va(), account=acme), counted()
    with lost_commits():
        assert_problem(attempt(client, code, account_id=heron.id), 503, "database_unavailable")
    assert counted() == before
    assert_problem(attempt(client, code, account_id=heron.id), 403, "account_not_allowed")
    assert counted() == before | {each: before[each] + 1 for each in ("accepted", "not_allowed")}


def test_setup_prints_no_code_that_was_not_committed(app: Flask) -> None:
    with lost_commits(after=2):
        done = invoke(app, "setup", "--demo")
    assert done.exit_code == 1
    assert not CODE.search(done.output)
