"""The cached of a poll: is what this client has still what it would get?

The gate and the express lane both hold questions and both ask :meth:`CachedPoll.is_fresh`,
so the lane can't answer otherwise than the gate. When it is no longer so, both ask the gate's
judgement, which says too what the client's next cached will be.
"""

from collections.abc import Callable
from typing import NamedTuple

from live.org_state import OrgState
from live.watch_cache import CachedOrg, WatchCache
from models.views import View

RawHeaders = list[tuple[bytes, bytes]]
Asked = dict[bytes, bytes]

# design.md, "Memory": a poll's headers, as far as its answer depends on them, are remembered up to
# here. A token of 1 KB, a tag and all that browsers send fit in.
ASKED_BYTES = 2048


class PollAnswer(NamedTuple):
    """An answer, and what the client will ask when it has it.

    :ivar code: of a problem
    """

    status: int
    headers: RawHeaders
    body: bytes
    next: "CachedPoll | None"
    code: str | None = None


class CachedPoll:
    """A poll that is answered 304.

    :ivar asked: the poll's headers, as far as the answer depends on them
    :ivar tag: what it is answered with, the tag of what the client has
    :ivar headers: of that answer
    :ivar wire: the same as they are sent, after the status line and the date
    """

    __slots__ = (
        "_cache",
        "_judge",
        "_mark",
        "asked",
        "expires_at",
        "headers",
        "org",
        "tag",
        "view",
        "wire",
    )

    def __init__(
        self,
        cache: WatchCache,
        org: CachedOrg,
        state: OrgState,
        view: View,
        *,
        asked: Asked,
        tag: bytes,
        expires_at: float,
        headers: RawHeaders,
        judge: Callable[["CachedPoll"], PollAnswer | None],
    ) -> None:
        """
        :param state: what the answer was judged by
        :param expires_at: the end of the token, by ``time.monotonic()``
        :param judge: answers it anew from memory, or gives None where memory can't tell
        """
        self._cache = cache
        self._mark = state.mark
        self._judge = judge
        self.org = org
        self.view = view
        self.asked = asked
        self.tag = tag
        self.expires_at = expires_at
        self.headers = headers
        self.wire = on_the_wire(headers)

    @property
    def is_short(self) -> bool:
        """Whether it may be remembered; a longer one is judged anew each time."""
        return sum(map(len, self.asked.values())) <= ASKED_BYTES

    def is_fresh(self, now: float) -> bool:
        """Whether the answer is that 304 again.

        Nothing was read since, so neither a version nor a member can differ; and the feed vouches
        that there was nothing to read.

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

    def revalidate(self) -> PollAnswer | None:
        """What it is answered now, or None where memory can't tell."""
        return self._judge(self)


def on_the_wire(headers: RawHeaders) -> bytes:
    """Headers as they are sent, with the empty line after them."""
    return b"".join([name + b": " + value + b"\r\n" for name, value in headers]) + b"\r\n"
