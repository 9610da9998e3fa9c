"""The poll that a client sends next, and its 304 while that is fresh.

The responder makes one with each 304 and each 200. It keeps one beside each token, and the lane one
for each connection. Both ask :meth:`CachedPoll.is_fresh`, so the lane can't answer otherwise than
the gate. One that is stale is revalidated: the responder answers the poll again, from memory.
"""

from collections.abc import Callable
from typing import NamedTuple

from live.asgi import RawHeaders
from live.org_state import OrgState
from live.poll import Poll
from live.watch_cache import CachedOrg, WatchCache
from models.views import View


class PollAnswer(NamedTuple):
    """
    :ivar next: the client's next poll, once it has this answer; None after a problem
    :ivar code: of a problem
    """

    status: int
    headers: RawHeaders
    body: bytes
    next: "CachedPoll | None" = None
    code: str | None = None


class CachedPoll:
    """
    :ivar tag: the validator that the client has
    :ivar expires_at: the end of the token, or sooner, by ``time.monotonic()``
    :ivar headers: of the 304
    :ivar wire: the same as they are sent, after the status line and the date
    """

    __slots__ = (
        "_cache",
        "_mark",
        "_revalidate",
        "expires_at",
        "headers",
        "org",
        "poll",
        "tag",
        "view",
        "wire",
    )

    def __init__(
        self,
        cache: WatchCache,
        org: CachedOrg,
        state: OrgState,
        *,
        poll: Poll,
        view: View,
        tag: str,
        expires_at: float,
        headers: RawHeaders,
        revalidate: Callable[["CachedPoll", str], PollAnswer | None],
    ) -> None:
        """
        :param state: what the poll was answered from
        :param view: of which it was answered
        """
        self._cache = cache
        is_shown = poll.min_version <= state.rendered.snapshot.version_of(view)
        self._mark = state.mark if is_shown else None  # never fresh: each time the database is read
        self._revalidate = revalidate
        self.org = org
        self.poll = poll
        self.view = view
        self.tag = tag.encode()
        self.expires_at = expires_at
        self.headers = headers
        self.wire = on_the_wire(headers)

    def is_fresh(self, now: float) -> bool:
        """Whether the answer is the same 304 again.

        No read has replaced what it was answered from, so no version and no member can differ; and
        the change feed vouches that there was nothing to read.

        :param now: ``time.monotonic()``
        """
        org = self.org
        state = org.state
        if (
            state is not None
            and state.mark is self._mark
            and now < self._cache.lease_until
            and now < org.fresh_until
            and now < self.expires_at
        ):
            org.polled_at = now
            return True
        return False

    def wire_with(self, more: RawHeaders) -> bytes:
        """The same with more headers."""
        return self.wire[: -len(b"\r\n")] + on_the_wire(more)

    def revalidate(self, request_id: str) -> PollAnswer | None:
        """The answer now, 304 or 200; None where memory can't give one of them."""
        return self._revalidate(self, request_id)


def on_the_wire(headers: RawHeaders) -> bytes:
    """Headers as they are sent, with the empty line after them."""
    return b"".join([name + b": " + value + b"\r\n" for name, value in headers]) + b"\r\n"
