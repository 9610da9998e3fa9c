"""The list of accounts in the answer to a sign-in: kept in memory, and never an old one."""

from typing import Any

import pytest
from sqlalchemy import event

from models import Account
from services import accounts
from tests.support.app_client import AppClient
from tests.support.world import World
from wire import account_lists
from wire.account_lists import AccountLists


def listed(client: AppClient, code: str) -> list[str]:
    answer = client.post("/v1/sessions", json={"access_code": code})
    assert answer.status_code == 200
    return [each["name"] for each in answer.json["accounts"]]


def test_every_change_of_an_account_is_in_the_next_answer(world: World, client: AppClient) -> None:
    code = world.code(world.va())
    assert listed(client, code) == []
    acme = world.account()
    assert listed(client, code) == listed(client, code) == ["Acme Dental"]
    world.rename_account(acme, "Zenith")
    world.account("heron")
    assert listed(client, code) == ["heron", "Zenith"]
    world.archive(acme)
    assert listed(client, code) == ["heron"]


def test_a_list_is_read_once(world: World, client: AppClient) -> None:
    codes = [world.code(world.va()), world.code(world.va("Ben Cruz"))]
    world.account()
    engine = client.application.extensions["presence"].database.engine
    reads: list[str] = []

    def keep(_1: Any, _2: Any, statement: str, *_: Any) -> None:
        if "accounts.name_casefolded" in statement:
            reads.append(statement)

    event.listen(engine, "before_cursor_execute", keep)
    try:
        for code in codes * 3:
            assert listed(client, code) == ["Acme Dental"]
    finally:
        event.remove(engine, "before_cursor_execute", keep)
    assert len(reads) == 1


def test_orgs_and_bound_codes_have_lists_of_their_own(world: World, client: AppClient) -> None:
    other = World(world.database, world.settings, "Other Bookkeeping")
    other.account("Theirs")
    acme = world.account()
    world.account("Blue Heron Bakery")
    ana = world.va()
    both = ["Acme Dental", "Blue Heron Bakery"]
    assert listed(client, world.code(ana)) == both
    assert listed(client, world.code(ana, account=acme)) == ["Acme Dental"]
    assert listed(client, other.code(other.va())) == ["Theirs"]
    assert listed(client, world.code(ana)) == both


def test_the_answer_is_as_if_nothing_were_kept(world: World, client: AppClient) -> None:
    """In the contract's order, with names that need escapes."""
    world.account('"accounts":[] \\ Zoë')
    for _ in range(2):
        answer = client.post("/v1/sessions", json={"access_code": world.code(world.va())})
        assert list(answer.json)[5:8] == ["org", "accounts", "presence"]
        assert [each["name"] for each in answer.json["accounts"]] == ['"accounts":[] \\ Zoë']
        assert answer.mimetype == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_kept_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lists, org, reads = AccountLists(), world.org(), 0
    world.account()

    def read() -> list[Account]:
        nonlocal reads
        reads += 1
        with world.database.read(world.id) as session:
            return accounts.list_accounts(session, world.id)

    lists.of(org, read)
    lists.of(org, read)
    assert reads == 1
    monkeypatch.setattr(account_lists, "MOST_BYTES", 100)
    other = World(world.database, world.settings, "Other Bookkeeping").org()
    for _ in range(2):
        assert "Acme Dental" in lists.of(other, read).decode()
        assert "Acme Dental" in lists.of(org, read).decode()
    assert reads == 5
