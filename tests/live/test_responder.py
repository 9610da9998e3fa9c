"""What a poll gets is decided in one place, from memory alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from live.cached_poll import PollAnswer
from live.poll import Poll
from live.responder import Responder
from live.token_cache import TokenCache
from live.watch_cache import CachedOrg, NotFresh
from tests.support.lane_streams import (
    NO_ISSUERS,
    SETTINGS,
    TrueCache,
    TrueUserOrgs,
    Truth,
    Uses,
    clock_of_our_own,
)
from tests.support.lane_tokens import BEARERS, ORG, Clock

LIVE = Path(__file__).resolve().parent.parent.parent / "live"
NOW = 100.0


class Memory:
    """A responder, its memory of one org, and what the database would say."""

    def __init__(self) -> None:
        self.truth = Truth()
        self.cache = TrueCache(self.truth)
        tokens = TokenCache(SETTINGS, NO_ISSUERS)
        user_orgs = TrueUserOrgs(self.truth, self.cache)
        self.responder = Responder(SETTINGS, self.cache, Uses(), tokens, user_orgs)

    def read(self, at: float) -> None:
        org = self.cache.orgs.setdefault(ORG, CachedOrg(ORG, at))
        org.state, org.read_at, org.fresh_until = self.truth.state, at, 1e9

    def answer(self, tag: str | None = None, bearer: str = "ana", **more: str) -> PollAnswer:
        headers = {b"authorization": b"Bearer " + bearer.encode()}
        headers |= {name.replace("_", "-").encode(): text.encode() for name, text in more.items()}
        if tag is not None:
            headers[b"if-none-match"] = tag.encode()
        return self.responder.answer(Poll(headers), "id-1", asked_at=NOW)

    def read_wanted(self, tag: str | None = None, **more: str) -> float:
        """From when on the responder wants to read."""
        with pytest.raises(NotFresh) as wanted:
            self.answer(tag, **more)
        assert wanted.value.org_id == ORG
        return wanted.value.since


@pytest.fixture
def memory() -> Iterator[Memory]:
    with clock_of_our_own():
        Clock.now = NOW
        yield Memory()


def test_the_tag_decides_between_304_and_200(memory: Memory) -> None:
    memory.read(NOW - 50)
    first = memory.answer()
    assert (first.status, first.next is not None) == (200, True)
    again = memory.answer(memory.truth.tag("ana"))
    assert (again.status, again.body) == (304, b"")


def test_what_was_never_read_is_read(memory: Memory) -> None:
    assert memory.read_wanted() == NOW  # the clock's own READ_EVERY_SECONDS is 0


def test_an_org_is_stale_after_its_time_unless_it_was_just_read(memory: Memory) -> None:
    memory.read(NOW - 50)
    memory.cache.lease_until = NOW
    memory.read_wanted()
    memory.read(NOW)
    assert memory.answer().status == 200


def test_nobody_is_refused_before_a_read_that_began_after_the_poll(memory: Memory) -> None:
    memory.truth.change_member(BEARERS["ana"][0], token_generation=1)
    memory.truth.changed()
    memory.read(NOW - 0.001)
    assert memory.read_wanted() == NOW
    memory.read(NOW)
    refused = memory.answer()
    assert (refused.status, refused.code) == (401, "not_authenticated")


def test_no_client_is_taken_back_in_time(memory: Memory) -> None:
    memory.read(NOW - 0.001)
    memory.truth.versions = dict.fromkeys(memory.truth.versions, 2_000_000)
    newer = memory.truth.tag("ana")
    assert memory.read_wanted(newer) == NOW
    assert memory.read_wanted(presence_min_version="2000000") == NOW
    memory.read(NOW)  # the database is behind, too: that is final
    assert memory.answer(newer).status == 200


def test_a_token_that_is_none_needs_no_read(memory: Memory) -> None:
    assert memory.answer(bearer="nonsense").status == 401


def test_a_stale_poll_is_revalidated_or_left_to_the_gate(memory: Memory) -> None:
    memory.read(NOW - 50)
    cached = memory.answer(memory.truth.tag("ana")).next
    assert cached is not None
    assert cached.is_fresh(NOW)
    memory.truth.versions = dict.fromkeys(memory.truth.versions, 2_000_000)
    memory.truth.changed()
    memory.read(NOW - 10)
    assert not cached.is_fresh(NOW)
    revalidated = cached.revalidate("id-1")
    assert revalidated is not None
    assert revalidated.status == 200
    memory.cache.lease_until = 0.0
    assert cached.revalidate("id-1") is None


def test_the_responder_neither_waits_nor_sends() -> None:
    tree = ast.parse((LIVE / "responder.py").read_text())
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert not any(isinstance(node, waits) for node in ast.walk(tree))
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
    imported = {alias.name for node in imports for alias in node.names}
    assert not imported & {"asyncio", "socket", "threading", "time"}


def test_nobody_else_decides() -> None:
    """Who matches a tag or checks a member decides what a poll gets."""
    deciding = {
        path.name
        for path in LIVE.glob("*.py")
        if any(
            isinstance(node, ast.Attribute) and node.attr in ("matches", "check", "view_of")
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }
    assert deciding == {"responder.py"}
