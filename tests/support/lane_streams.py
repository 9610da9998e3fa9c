"""Two connections that hear the same bytes, one of them without the express lane.

The gate behind them is the real one; its memory is filled from a :class:`Truth` in place of a
database, and time is a number that a test moves.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from math import inf
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from uvicorn import Config
from uvicorn.server import ServerState

import live.bounded
import live.gate
import live.lane
import live.responder
import live.token_cache
import live.user_orgs
import live.watch_cache
import live.wheel
from issuers.registry import TrustedIssuers
from live.counters import Counters
from live.gate import Gate
from live.lane import LaneProtocol
from live.missing import Missing
from live.org_state import MemberState, OrgState
from live.token_cache import TokenCache
from live.user_orgs import UserOrgs
from live.watch_cache import WatchCache
from models.roles import ROLES
from models.views import OCCUPANCY, PEOPLE, VIEWS
from service_uses import ServiceUses
from services.orgs_of_users import OrgOfUser
from services.snapshot import Snapshot
from settings import Settings
from tests.support.lane_tokens import ANOTHER_ORG, ORG, USERS, Clock, patch_verifying
from tests.support.lane_transport import Transport
from tests.support.long_orgs import rendered
from wire import tags
from wire.rendered import Rendered

LISTED = "https://board.example"
ENTRIES = rendered(20).snapshot.entries  # so that bodies are long enough to be compressed
SETTINGS = Settings(
    make_url("sqlite:///never-opened"), b"k" * 32, cors_origins=frozenset((LISTED,))
)
NO_ISSUERS = TrustedIssuers(SETTINGS, None)  # type: ignore[arg-type]
MEMBERS = {UUID(int=2): "va", UUID(int=3): "admin", UUID(int=4): "service", UUID(int=5): "service"}
SHORT_TIME = 0.3  # seconds, in place of timeouts
TURNS = 25  # of the loop: more than any answer takes that waits for nothing


def with_lane(module: ModuleType = live.lane) -> type[LaneProtocol]:
    class WithLane(module.LaneProtocol):  # type: ignore[name-defined,misc]
        counters = Counters()

    return WithLane


class Truth:
    """What the database would say."""

    def __init__(self) -> None:
        self.members = {
            id_: MemberState(id_, id_, role, True, 0, None) for id_, role in MEMBERS.items()
        }
        self.is_in_two_orgs = False
        self.versions = dict.fromkeys(VIEWS, 1_000_000)
        self.is_there = True
        self.is_away = False
        self.state: OrgState | None = None
        self.changed()

    def changed(self) -> None:
        now = Snapshot(self.versions[PEOPLE], self.versions[OCCUPANCY], 1_000_000, 120, ENTRIES)
        members, shown = dict(self.members), Rendered(now)
        shown.prepare_like(None if self.state is None else self.state.rendered)
        state = OrgState(shown, self.versions[PEOPLE], members, {}, members)
        self.state = state if self.is_there else None

    def change_member(self, id_: UUID, **to: Any) -> None:
        if id_ in self.members:
            self.members[id_] = self.members[id_]._replace(**to)

    def tag(self, bearer: str) -> str:
        """The tag of what the bearer would be shown now."""
        id_ = USERS[bearer]
        view = ROLES[self.members[id_].role].sees if id_ in self.members else OCCUPANCY
        return tags.snapshot_tag(id_, view.name, "json", self.versions[view], 120, None)


class Inline:
    """An executor that needs no thread."""

    def submit(self, act: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(act(*arguments))
        except SQLAlchemyError as error:
            done.set_exception(error)
        return done


class TrueCache(WatchCache):
    """The real memory, which reads the truth."""

    def __init__(self, truth: Truth) -> None:
        self.orgs = {}
        self.lease_until = inf
        self._truth = truth
        self._settings = SETTINGS
        self._readers = Inline()  # type: ignore[assignment]
        self._turns = asyncio.Semaphore(1)
        self._answered_at = 0.0

    def _load(self, org_id: UUID, known: OrgState | None) -> OrgState | None:
        if self._truth.is_away:
            raise SQLAlchemyError
        return self._truth.state if org_id == ORG else None


class TrueUserOrgs(UserOrgs):
    """The real memory of people's orgs, which reads the truth."""

    def __init__(self, truth: Truth, cache: WatchCache) -> None:
        super().__init__(None, cache.judge_anew)  # type: ignore[arg-type]
        self._thread.shutdown()
        self._thread = Inline()  # type: ignore[assignment]
        self._truth = truth

    def _find(self, user_ids: Sequence[UUID]) -> dict[UUID, list[OrgOfUser]]:
        if self._truth.is_away:
            raise SQLAlchemyError
        members = self._truth.members if self._truth.is_there else {}
        others = [OrgOfUser(ANOTHER_ORG, "Another", True)] if self._truth.is_in_two_orgs else []
        return {
            id_: [OrgOfUser(ORG, "Acme", members[id_].active), *others]
            for id_ in user_ids
            if id_ in members
        }

    def _read_mark(self) -> object:
        return self._truth.state


async def flask(scope: Any, receive: Any, send: Any) -> None:
    """In Flask's place: says what it was asked."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    asked = (scope["method"], scope["path"], scope["query_string"], scope["headers"], body)
    said = repr(asked).encode()
    headers = [(b"content-length", str(len(said)).encode())]
    if scope["path"] == "/close":
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said, "more_body": False})


class Uses(ServiceUses):
    """Remembers in which minutes which service was used."""

    def __init__(self) -> None:
        self.minutes: set[tuple[UUID, int]] = set()

    def note(self, org_id: UUID, service_id: UUID, now: datetime) -> None:
        self.minutes.add((service_id, int(Clock.now // 60)))


class Side:
    """One connection with a process of its own behind it."""

    def __init__(
        self, protocol: type[LaneProtocol], truth: Truth, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.cache = TrueCache(truth)
        self.uses = Uses()
        self.user_orgs = TrueUserOrgs(truth, self.cache)
        self.tokens = TokenCache(SETTINGS, NO_ISSUERS)
        missing = Missing(self.cache, self.tokens, self.user_orgs)
        missing._preparing._thread = Inline()  # type: ignore[assignment]
        self.gate = Gate(
            SETTINGS,
            self.cache,
            flask,
            Counters(),
            self.uses,
            tokens=self.tokens,
            user_orgs=self.user_orgs,
            missing=missing,
        )
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"frozen")]
        self.protocol = protocol(_config(), self.state, {}, loop)
        self.protocol.app = self.gate
        self.protocol.access_log = False  # pytest listens to every logger
        self.transport = Transport(loop)
        self.transport.set_protocol(self.protocol)

    @property
    def is_idle(self) -> bool:
        return not self.state.tasks

    @property
    def seen(self) -> tuple[bytes, bool, list[tuple[float, int]], set[tuple[UUID, int]]]:
        polled = [(org.polled_at, len(org.waiters)) for org in self.cache.orgs.values()]
        return bytes(self.transport.written), self.transport.is_closed, polled, self.uses.minutes


@cache
def _config() -> Config:
    options: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    options["timeout_keep_alive"] = 3600  # by the loop's own time, which goes on
    config = Config(flask, ws="none", interface="asgi3", proxy_headers=False, **options)
    config.load()
    return config


async def settle(*sides: Side) -> None:
    """Let the loop turn until nothing more happens by itself."""
    idle = 0
    for _ in range(TURNS):
        await asyncio.sleep(0)
        idle = idle + 1 if all(side.is_idle for side in sides) else 0
        if idle > 3:
            return


@contextmanager
def clock_of_our_own() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (
            live.bounded,
            live.lane,
            live.gate,
            live.responder,
            live.watch_cache,
            live.token_cache,
            live.user_orgs,
        ):
            for name in ("monotonic", "time"):
                if hasattr(module, name):
                    patch.setattr(module, name, lambda: Clock.now)
        patch_verifying(patch)
        patch.setattr(live.user_orgs, "READ_EVERY_SECONDS", 0.0)
        patch.setattr(live.watch_cache, "READ_EVERY_SECONDS", 0.0)
        # The gate's timers are not late.
        patch.setattr(live.wheel, "STEP_SECONDS", 1e-10)
        # The loop's own time goes on: a busy machine must not be taken for a slow database.
        patch.setattr(live.watch_cache, "READ_TIMEOUT_SECONDS", 3600.0)
        patch.setattr("wire.request_ids.uuid4", lambda: UUID(int=0))
        for name in ("uvicorn.error", "presence.requests"):
            patch.setattr(logging.getLogger(name), "disabled", True)
        yield
