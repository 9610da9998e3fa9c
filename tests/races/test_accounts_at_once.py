"""Members who race for accounts, and readers who look on meanwhile."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from flask import Flask

from live import sweeper
from models import Account
from services.errors import AccountOccupied
from services.times import utc_now
from tests.support.app_client import AppAnswer
from tests.support.problems import assert_problem
from tests.support.races import ROUNDS, Caller, Clock, assert_history_tells_all, at_once, meanwhile
from tests.support.world import World


def test_of_16_members_racing_for_an_account_one_wins(world: World, servers: list[Flask]) -> None:
    acme = world.account()
    racers = [Caller(world, world.va(), servers[number % 2]) for number in range(16)]
    # Most take the shorter way to the same service, as HTTP would take twice the time.
    races = [partial(wins_by_http, racer, acme) for racer in racers[:2]]
    races += [partial(wins, racer, acme) for racer in racers[2:]]
    for _ in range(ROUNDS):
        (winner,) = itertools.compress(racers, at_once(*races))
        assert [held.user_id for held in world.held()] == [winner.member.user_id]
        assert winner.post("clock-out").json["cleared"]
    assert world.kinds() == ["clock_in", "clock_out"] * ROUNDS
    assert_history_tells_all(world)


def wins_by_http(caller: Caller, account: Account) -> bool:
    answer = caller.clock_in(account)
    if answer.status_code != 201:
        assert_problem(answer, 409, "account_occupied")
    return answer.status_code == 201


def wins(caller: Caller, account: Account) -> bool:
    """Any error but this one would be a 500 or a 503."""
    try:
        caller.clock_in_by_service(account)
    except AccountOccupied:
        return False
    return True


def test_two_members_swapping_accounts_never_meet_a_deadlock(
    world: World, servers: list[Flask], clock: Clock
) -> None:
    # Stale after 2 looks at the clock, and ended after 10: some of the swaps succeed.
    clock.set(utc_now(), timedelta(seconds=world.settings.expire_after / 10))
    members = [Caller(world, world.va(), server) for server in servers]
    accounts = {str(account.id): account for account in (world.account("A"), world.account("B"))}
    held = [
        member.clock_in(account).json["presence"]
        for member, account in zip(members, accounts.values(), strict=True)
    ]

    def beat(who: int) -> None:
        answer = members[who].post("heartbeat", presence_id=held[who]["id"])
        if answer.status_code != 204:
            assert_problem(answer, 410, "presence_ended")

    def swap(who: int) -> None:
        (theirs,) = accounts.keys() - {held[who]["account_id"]}
        answer = members[who].clock_in(accounts[theirs])
        if answer.status_code == 201:
            held[who] = answer.json["presence"]
        else:
            assert_problem(answer, 409, "account_occupied")

    sweep = partial(sweeper.sweep, servers[0].extensions["presence"])
    for number in range(300):
        between: list[Callable[[], object]] = (
            [] if number % 2 else [partial(beat, number // 2 % 2), sweep]
        )
        at_once(partial(swap, 0), partial(swap, 1), *between)
    assert {"switch", "stale", "resume", "expire"} <= set(world.kinds())
    assert_history_tells_all(world)


def test_no_reader_sees_a_switching_member_on_two_accounts_or_none(
    world: World, servers: list[Flask]
) -> None:
    ana = world.va()
    accounts = [world.account(f"Account {number}") for number in range(5)]
    mover = Caller(world, ana, servers[0])
    readers: dict[Caller, list[AppAnswer]] = {
        Caller(world, member, server): []
        for member, server in zip(
            [ana, world.va("Ben"), world.admin("Maya"), world.admin("Noa")],
            servers * 2,
            strict=True,
        )
    }
    assert mover.clock_in(accounts[0]).status_code == 201

    def read(reader: Caller) -> None:
        readers[reader].append(reader.get())

    with meanwhile(*(partial(read, reader) for reader in readers)):
        for account in itertools.islice(itertools.cycle(accounts), 1, 61):
            assert mover.clock_in(account).status_code == 201

    happened = {(event.version, str(event.account_id)) for event in world.events()}
    for reader, answers in readers.items():
        bodies: dict[str, bytes] = {}
        last = 0
        for answer in answers:
            assert answer.status_code == 200
            (entry,) = answer.json["presence"]
            if answer.json["view"] == "admin":
                assert (answer.json["version"], entry["account_id"]) in happened
            if reader.member is ana:
                assert answer.json["me"]["account_id"] == entry["account_id"]
            assert answer.json["version"] >= last
            last = answer.json["version"]
            assert bodies.setdefault(answer.headers["ETag"], answer.data) == answer.data
        assert len(set(bodies.values())) == len(bodies)
