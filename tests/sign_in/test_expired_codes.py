"""An expired code is answered as an unknown one is."""

import itertools
import json
from statistics import median, quantiles
from time import perf_counter

import pytest

from services import refused_sign_ins
from tests.support.app_client import AppClient
from tests.support.asgi_client import counting
from tests.support.sign_in_limit import UNKNOWN, attempt
from tests.support.world import World, ago


def test_an_expired_code_is_answered_as_an_unknown_one_is(
    world: World, client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In status, in body, and in time, though each refusal of it is kept."""
    monkeypatch.setattr(refused_sign_ins, "MOST_OF_A_CODE", 10_000)
    expired = world.code(world.va(), expires_at=ago(1))
    addresses = (f"10.{n >> 8}.{n & 255}.1" for n in itertools.count())
    answers = set()

    def differs_in_time() -> bool:
        spent: dict[str, list[float]] = {expired: [], UNKNOWN: []}
        for _ in range(150):
            for code, times in spent.items():
                begun = perf_counter()
                answer = attempt(client, code, next(addresses))
                times.append(perf_counter() - begun)
                headers = {name: value for name, value in answer.headers if name != "Date"}
                answers.add((answer.status_code, answer.data, json.dumps(headers, sort_keys=True)))
        low, _, high = quantiles(spent[UNKNOWN])
        return abs(median(spent[expired]) - median(spent[UNKNOWN])) > high - low

    # What else this machine does may show once, but not again and again.
    assert not all(differs_in_time() for _ in range(3))
    assert len(answers) == 1


def test_an_expired_code_asks_the_database_for_what_an_unknown_one_does(
    world: World, client: AppClient
) -> None:
    known = world.code(world.va(), expires_at=ago(1))
    database = client.application.extensions["presence"].database
    asked = []
    for code in (known, UNKNOWN):
        with counting(database) as statements:
            attempt(client, code)
        asked.append(statements)
    assert asked[0] == asked[1]
    assert [event.kind for event in world.log()][-1] == "sign_in_refused"
