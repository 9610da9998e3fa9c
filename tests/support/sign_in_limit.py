"""Guesses at access codes, and what they are answered."""

from typing import Any

from tests.support.app_client import AppAnswer, AppClient
from tests.support.problems import assert_problem

LIMIT = 10  # contract.md, "Errors"
UNKNOWN = "0000-0000-0000"


def attempt(
    client: AppClient, code: str = UNKNOWN, address: str = "192.0.2.1", **body: Any
) -> AppAnswer:
    """Sign in, or clock in where an ``account_id`` is given."""
    path = "clock-in" if body else "sessions"
    return client.post(
        f"/v1/{path}",
        json={"access_code": code, **body},
        headers={"Request-Id": "attempt"},
        environ_overrides={"REMOTE_ADDR": address},
    )


def assert_refused(answer: AppAnswer) -> None:
    assert_problem(answer, 401, "access_code_rejected")


def assert_has_to_wait(answer: AppAnswer) -> int:
    """:returns: the seconds"""
    assert_problem(answer, 429, "too_many_attempts")
    seconds = int(answer.headers["Retry-After"])
    assert 1 <= seconds <= 61
    return seconds


def exhaust(client: AppClient, address: str = "192.0.2.1") -> None:
    for _ in range(LIMIT):
        assert_refused(attempt(client, address=address))
