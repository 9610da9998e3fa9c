"""What a server process does besides answering: an unexpected exception does not end it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

PAUSE_SECONDS = 1.0  # shorter than a lease, and few lines in the log

log = logging.getLogger("presence.live")


def start(name: str, job: Callable[[], Awaitable[None]]) -> "asyncio.Task[None]":
    """Run ``job`` until the task is cancelled. An exception is logged, and the job begins anew."""
    return asyncio.create_task(_run(name, job))


async def stop(tasks: "list[asyncio.Task[None]]") -> None:
    """Cancel the tasks, and wait for their ends, whatever those are."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _run(name: str, job: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.current_task()
    while True:
        try:
            await job()
        except Exception:
            log.exception("The %s failed", name)
        if task is not None and task.cancelling():
            return  # it failed while it was ending
        await asyncio.sleep(PAUSE_SECONDS)
