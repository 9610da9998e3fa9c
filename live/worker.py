"""gunicorn's worker: uvicorn's, with the express lane, a tamed collector and a graceful end.

The master imports this module, so it imports none of ours: see gunicorn.conf.py.
"""

import asyncio
import gc
import logging
import signal
import sys
from typing import Any

from gunicorn.arbiter import Arbiter
from uvicorn import Server
from uvicorn_worker import UvicornWorker

# design.md, "Memory": of the youngest generation. Full collections of 19,000 connections would
# stop everyone for 400 ms; never off, or memory grows with every error.
COLLECT_EVERY = 5_000


class PresenceServer(Server):
    """uvicorn's server, which has held polls answered before it waits for requests to end."""

    async def shutdown(self, sockets: Any = None) -> None:
        self.config.app.stop_waiting()  # type: ignore[union-attr]
        self.config.http_protocol_class.is_stopping = True  # type: ignore[attr-defined]
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            _freeze(len(self.server_state.connections))
        return await super().on_tick(counter)


class PresenceWorker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """The worker class of gunicorn.conf.py."""

    CONFIG_KWARGS = {  # noqa: RUF012 - as uvicorn_worker declares it
        "loop": "uvloop",
        "http": "live.lane:LaneProtocol",
        "ws": "none",
        "lifespan": "on",
        "server_header": False,
        "proxy_headers": False,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ours = logging.getLogger("presence")
        ours.handlers = self.log.error_log.handlers
        ours.setLevel(self.log.error_log.level)
        ours.propagate = False

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = PresenceServer(self.config)
        # gunicorn's quick stop; uvicorn itself hears only SIGTERM and SIGINT.
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGQUIT, server.handle_exit, signal.SIGQUIT, None
        )
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)


class _Frozen:
    connections = 0


def _freeze(connections: int) -> None:
    """Exempt long-lived objects from collection, at the start and as connections grow."""
    if connections >= 2 * _Frozen.connections:
        _Frozen.connections = max(connections, 250)
        gc.set_threshold(COLLECT_EVERY, 20, 50)
        gc.freeze()
