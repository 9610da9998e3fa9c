"""The ASGI application: the gate, its memory, and what runs beside it in a server process."""

import asyncio
from collections.abc import Collection
from functools import partial
from time import monotonic

from flask import Flask

import feeds
from context import Context
from feeds.feed import LEASE_SECONDS, Feed
from issuers.fetching import SECONDS
from issuers.key_sets import KeyName
from live import directory_sync, keep_running, sweeper
from live.asgi import Receive, Scope, Send
from live.counters import CounterExport
from live.directory_sync import DirectorySync
from live.flask_bridge import FlaskBridge
from live.gate import Gate
from live.heartbeat_batches import HeartbeatBatches
from live.heartbeats import Heartbeats
from live.known_callers import KnownCallers
from live.lane import LaneProtocol
from live.missing import Missing
from live.owners import Owners
from live.protocol_error_log import ProtocolErrorLog
from live.token_cache import TokenCache
from live.user_orgs import LOOK_SECONDS, UserOrgs
from live.watch_cache import WatchCache
from metrics import FEED, LAG, ORGS, THREADS, TURNS, WAITERS
from routes import history, operations, paths

TICK_SECONDS = 1.0
KEYS_SECONDS = 2 * SECONDS  # for stored keys, or for the issuers to answer


class Application:
    """It starts the feeds, the sweep and the export of metrics with the server, and stops them."""

    def __init__(self, app: Flask) -> None:
        context: Context = app.extensions["presence"]
        self._context = context
        self.counters = LaneProtocol.counters
        self.cache = WatchCache(context.database, context.settings)
        self._issuers = context.issuers
        self._tokens = TokenCache(context.settings, context.issuers)
        self.user_orgs = UserOrgs(context.database, self.cache.judge_anew)
        self._missing = Missing(self.cache, self._tokens, self.user_orgs)
        owners = Owners(
            context.settings,
            self.cache,
            self._tokens,
            self.user_orgs,
            reports=paths.of(app, history.blueprint),
            operations=paths.of(app, operations.blueprint),
        )
        self.flask = FlaskBridge(app, owners, self._tokens, self.counters)
        self._batches = HeartbeatBatches(context.database, context.settings)
        self.heartbeats = Heartbeats(
            context.settings,
            self.flask,
            self.counters,
            self._batches,
            tokens=self._tokens,
            known_callers=KnownCallers(self.cache, self.user_orgs),
            missing=self._missing,
        )
        self.gate = Gate(
            context.settings,
            self.cache,
            self.heartbeats,
            self.counters,
            context.service_uses,
            tokens=self._tokens,
            user_orgs=self.user_orgs,
            missing=self._missing,
        )
        self._export = CounterExport(self.counters)
        self._protocol_errors = ProtocolErrorLog(self.counters)
        context.feed_state = self._feed_state
        self.feeds = feeds.listeners(context.database, context.settings)
        schema = context.settings.directory_schema
        self._directory = DirectorySync(context, schema) if schema else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.gate(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    def stop_waiting(self) -> None:
        """Answer all held polls, because the server stops."""
        self.gate.stop_waiting()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._start_issuers()
        sweeping = sweeper.start(self._context)
        if self._directory is not None:
            self.feeds[0].also_hear(directory_sync.CHANNEL, self._directory.hear)
            self._directory.start()
        tasks = [
            *(keep_running.start("change feed", partial(self._hear, feed)) for feed in self.feeds),
            keep_running.start("tick", self._tick),
            keep_running.start("people's orgs", self._follow_people),
        ]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        sweeping.set()
        if self._directory is not None:
            self._directory.stop()
        await keep_running.stop(tasks)
        self._issuers.stop()
        self.cache.close()
        self._missing.close()
        self._batches.close()
        self.user_orgs.close()
        await asyncio.to_thread(self._context.service_uses.close)
        await send({"type": "lifespan.shutdown.complete"})

    @property
    def feed(self) -> Feed:
        """The one that memory relies on now."""
        return next(feed for feed in self.feeds if feed.is_alive)

    async def _hear(self, feed: Feed) -> None:
        await feed.hear(self.cache, lambda: self.feed is feed)

    async def _start_issuers(self) -> None:
        """Have the keys before the first request: a token must not be refused for a moment."""
        loop = asyncio.get_running_loop()

        def tell(issuer: str, gone: Collection[KeyName]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._change_keys, issuer, gone)

        self._issuers.listen(tell)
        await loop.run_in_executor(None, self._issuers.start)
        await loop.run_in_executor(None, self._issuers.wait, KEYS_SECONDS)

    def _change_keys(self, issuer: str, gone: Collection[KeyName]) -> None:
        self._tokens.forget_keys(issuer, gone)
        if gone:
            self.cache.judge_anew(list(self.cache.orgs))

    async def _follow_people(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.user_orgs.look()

    def _feed_lag(self) -> float:
        """How long ago the feed last vouched for memory, in seconds."""
        return monotonic() - self.cache.lease_until + LEASE_SECONDS

    def _feed_state(self) -> str:
        """For /readyz: ``ok``, or for how long nothing has been heard."""
        lag = self._feed_lag()
        return "ok" if lag < LEASE_SECONDS else f"silent for {lag:.0f} s"

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.cache.drop_unwatched()
            if monotonic() >= self.cache.lease_until:
                # Without a lease memory may be stale: release the waiters.
                self.cache.release_all()
            self._export.run()
            self._protocol_errors.log(monotonic())
            orgs = self.cache.orgs.values()
            ORGS.set(len(orgs))
            WAITERS.set(sum(len(org.waiters) for org in orgs))
            LAG.set(self._feed_lag())
            for lane, (waiting, begun) in self.flask.turns.counted().items():
                TURNS.labels(lane).set(waiting)
                THREADS.labels(lane).set(begun)
            for feed in feeds.FEEDS:
                FEED.labels(feed.kind).set(feed is type(self.feed))
