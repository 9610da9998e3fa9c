"""Guesses that were looked at before the tenth was counted are counted too."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import NoReturn

import pytest
from flask import Flask

from routes import sign_in_limit
from services.times import utc_now
from tests.support.app_client import AppClient
from tests.support.sign_in_limit import LIMIT, assert_has_to_wait, assert_refused, attempt

AT_ONCE = 4  # an address has two threads in each of two processes


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the limit's clock so many seconds on."""
    now = utc_now()

    def move_on(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    monkeypatch.setattr(sign_in_limit, "utc_now", lambda: now)
    return move_on


def at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """Guesses that have all been looked at before any of them is counted."""
    refuse, looked_at = sign_in_limit.refuse, Barrier(AT_ONCE, timeout=30)

    def wait_and_refuse(typed: str) -> NoReturn:
        looked_at.wait()
        refuse(typed)

    with monkeypatch.context() as patch, ThreadPoolExecutor(AT_ONCE) as pool:
        patch.setattr(sign_in_limit, "refuse", wait_and_refuse)
        asked = [pool.submit(lambda: attempt(AppClient(app)).status_code) for _ in range(AT_ONCE)]
        return Counter(each.result() for each in asked)


def test_no_more_are_looked_at_in_a_minute_than_nine_and_one_a_thread(
    app: Flask, client: AppClient, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(LIMIT - 1):
        assert_refused(attempt(client))
    clock(50)
    assert at_once(app, monkeypatch) == Counter({401: 1, 429: AT_ONCE - 1})
    clock(10.5)
    # Those of before are a minute old; all that were looked at since are not.
    for _ in range(LIMIT - AT_ONCE):
        assert_refused(attempt(client))
    assert 49 <= assert_has_to_wait(attempt(client)) <= 50


def test_who_guessed_at_once_is_told_how_long_to_wait(
    app: Flask, client: AppClient, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(LIMIT - 1):
        assert_refused(attempt(client))
        clock(1)
    assert at_once(app, monkeypatch) == Counter({401: 1, 429: AT_ONCE - 1})
    clock(assert_has_to_wait(attempt(client)))
    assert_refused(attempt(client))
