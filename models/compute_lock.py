"""Of the threads that answer requests, one computes at a time; the others wait for the database.

CPython hands its interpreter lock to the threads that wait for it one after the other. An event
loop that shares it with a dozen busy threads comes last of them each time, and what it does
between two waits takes less than a millisecond. So those threads queue for a lock of their own
first, and the loop has one of them to share with. docs/design.md, "Memory", has the figures.

It is a courtesy, no exclusion: a thread that has waited for long goes on without it. So none can
hold up the others by waiting for something that is not known here.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Many times what a request computes between two statements, and little for whoever waits for one
# that computes for longer.
PATIENCE_SECONDS = 0.05

_lock = threading.Lock()


class _OfThread(threading.local):
    has_lock = False


_own = _OfThread()


@contextmanager
def held() -> Iterator[None]:
    """Hold the lock, but for the time that :func:`released` gives back."""
    _own.has_lock = _lock.acquire(timeout=PATIENCE_SECONDS)
    try:
        yield
    finally:
        _release()


@contextmanager
def released() -> Iterator[None]:
    """Let others compute while this thread waits; nothing for a thread that does not hold it."""
    had_lock = _own.has_lock
    _release()
    try:
        yield
    finally:
        if had_lock:
            _own.has_lock = _lock.acquire(timeout=PATIENCE_SECONDS)


def _release() -> None:
    if _own.has_lock:
        _own.has_lock = False
        _lock.release()
