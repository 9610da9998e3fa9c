"""One server process: the gate, its memory, the feeds and the sweep, started and stopped."""

import asyncio
from contextlib import suppress
from time import monotonic

from flask import Flask

from context import Context
from live import sweeper
from live.counts import HandOver
from live.express import ExpressProtocol
from live.feeds import LEASE_SECONDS, Listener, Poller
from live.flask_bridge import FlaskBridge, Receive, Scope, Send
from live.gate import Gate
from live.refusal_log import RefusalLog
from live.snapshots import Snapshots
from metrics import FEED, LAG, ORGS, WAITERS

TICK_SECONDS = 1.0


class Process:
    """An ASGI application with a lifespan around the gate."""

    def __init__(self, app: Flask) -> None:
        context: Context = app.extensions["presence"]
        self._context = context
        self.counts = ExpressProtocol.counts
        self.snapshots = Snapshots(
            context.database, stale_after_seconds=context.settings.stale_after
        )
        self.gate = Gate(context.settings, self.snapshots, FlaskBridge(app), self.counts)
        self._hand_over = HandOver(self.counts)
        self._refusals = RefusalLog(self.counts)
        context.feed_state = self._feed_state
        self._poller = Poller(context.database, self.snapshots)
        self._listener = (
            None
            if context.database.is_sqlite
            else Listener(context.settings.listen_dsn, context.database, self.snapshots)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.gate(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    def stop_waiting(self) -> None:
        """Answer all who wait, because the server stops."""
        self.gate.stop_waiting()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        sweeping = sweeper.start(self._context)
        if self._listener is not None:
            self._listener.start(asyncio.get_running_loop())
        tasks = [
            asyncio.create_task(self._poller.run(self._needs_polling)),
            asyncio.create_task(self._tick()),
        ]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        sweeping.set()
        if self._listener is not None:
            self._listener.stop()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.snapshots.close()
        self._poller.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _needs_polling(self) -> bool:
        return self._listener is None or not self._listener.is_heard

    def _feed_kind(self) -> str:
        return "poll" if self._needs_polling() else "listen"

    def _feed_lag(self) -> float:
        """How old the feed's newest word is, in seconds."""
        return monotonic() - self.snapshots.lease_until + LEASE_SECONDS

    def _feed_state(self) -> str:
        """For /readyz: ``ok``, or since when nothing was heard."""
        lag = self._feed_lag()
        return "ok" if lag < LEASE_SECONDS else f"silent for {lag:.0f} s"

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.snapshots.drop_unwatched()
            if monotonic() >= self.snapshots.lease_until:
                self.snapshots.release_all()  # whoever waits shall not rely on what is not sure
            self._hand_over.bring()
            self._refusals.tell(monotonic())
            orgs = self.snapshots.orgs.values()
            ORGS.set(len(orgs))
            WAITERS.set(sum(org.waiters for org in orgs))
            LAG.set(self._feed_lag())
            for kind in ("listen", "poll"):
                FEED.labels(kind).set(kind == self._feed_kind())
