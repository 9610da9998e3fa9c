"""The express lane: a poll of the same bytes is not parsed again.

A polling client sends the very same bytes every two seconds. When one chunk that was one whole
bodyless GET has been answered 304 by the gate, the connection keeps those bytes and the cached
poll. When they come again, between two requests, and the cached poll is fresh, its 304 is the
answer; nothing is parsed. A cached poll that is stale is revalidated. The client's next bytes are
known then too: the same, with the new tag in the old one's place. A client that is ready to wait
is not answered yet: the connection holds its poll. Everything else takes the ordinary way
(live/bounded.py), and takes a held poll with it.
"""

import asyncio
import logging
from time import monotonic
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from live.asgi import RawHeaders
from live.bounded import BoundedProtocol
from live.cached_poll import CachedPoll, PollAnswer, on_the_wire
from live.held_poll import HELD, HeldPoll
from live.long_poll import applied
from wire import request_ids

# A poll takes about 1 KB, and 3 KB with an issuer's token. Each of many thousand connections may
# keep one.
LEARNT_BYTES = 6144

log = logging.getLogger("presence.lane")


class LaneProtocol(BoundedProtocol):
    """The protocol of live/worker.py.

    :cvar is_lane_open: False answers everything the ordinary way
    """

    is_lane_open = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

        # Per-connection state
        self._cached: CachedPoll | None = None  # the client's next poll, if nothing changes
        self._request = b""  # its bytes
        self._request_id: str | None = None  # its Request-Id
        self._held: HeldPoll | None = None  # the poll that came last, which is not answered yet

        # Per-request state
        self._candidate: bytes | None = None  # bytes that may be learnt
        self._candidate_scope: Any = None  # the scope of their request

    def data_received(self, data: bytes) -> None:
        cached = self._cached
        if (
            cached is not None
            and data == self._request
            and self.cycle.response_complete
            and not self.flow.write_paused  # a client that asks and does not read
        ):
            now = monotonic()
            if cached.is_fresh(now):
                self.counters.by_lane += 1
                if cached.poll.wait_seconds:
                    self._hold(HeldPoll(cached, now + cached.poll.wait_seconds), now)
                    return
                self._send(_HEADS[304], cached.wire, now)
                return
            answer = self._revalidate(cached)
            if answer is not None:
                self.counters.by_responder[answer.status] += 1
                following = answer.next
                if answer.status == 304 and following is not None and cached.poll.wait_seconds:
                    self._hold(HeldPoll(following, now + cached.poll.wait_seconds), now)
                    return
                self._answer(cached, answer, answer.headers, now)
                return
        self._read(data)

    def _revalidate(self, cached: CachedPoll) -> PollAnswer | None:
        """The answer now; None where the gate has to say."""
        try:
            return cached.revalidate(request_ids.own_or_new(self._request_id))
        except Exception:
            log.exception("A poll failed in the lane: the gate answers it")
            return None

    def _answer(
        self, cached: CachedPoll, answer: PollAnswer, headers: RawHeaders, now: float
    ) -> None:
        """Send what revalidating ``cached`` has led to."""
        self._expect(cached, answer.next)
        self._send(_HEADS[answer.status], on_the_wire(headers) + answer.body, now)

    def _send(self, head: "_Head", wire: bytes, now: float) -> None:
        self._used_at = now
        self.server_state.total_requests += 1
        self.transport.write(head.of(self.server_state.default_headers) + wire)
        self._watch.wrote()

    def _expect(self, last: CachedPoll, following: CachedPoll | None) -> None:
        """The client's next request: the same bytes, if need be with the new tag."""
        self._cached = following
        if following is None or following.tag == last.tag:
            return
        if (
            last.poll.headers.get(b"if-none-match") == last.tag
            and self._request.count(last.tag) == 1
        ):
            self._request = self._request.replace(last.tag, following.tag)
        else:
            self._cached = None

    def _hold(self, held: HeldPoll, now: float) -> None:
        """Answer when there is something else to answer, or when the time is up."""
        self._cached = None
        self._used_at = held.deadline  # the connection is not idle before
        self._held = held
        held.wait(now, self._judge_held, self._wheel)

    def _judge_held(self) -> None:
        """Answer the held poll, or hold it on: its time is up, or something has changed."""
        held = self._held
        if held is None:
            return
        try:
            self._judge(held)
        except Exception:
            log.exception("A held poll failed in the lane: the gate answers it")
            if self._held is None:
                self.transport.abort()  # it may have been answered in part
            else:
                self._held.is_due = True
                self._pass_on()

    def _judge(self, held: HeldPoll) -> None:
        cached, now = held.cached, monotonic()
        headers = applied(cached.poll.wait_seconds)
        following = cached
        if not cached.is_fresh(now):
            answer = self._revalidate(cached)
            if answer is None or answer.next is None:
                held.is_due = True
                self._pass_on()
                return
            if answer.status == 200:
                self._drop_held()
                self._answer(cached, answer, [*answer.headers, *headers], now)
                return
            following = answer.next
        self._drop_held()
        if now < held.deadline:
            self._hold(HeldPoll(following, held.deadline), now)
        else:
            self._expect(cached, following)
            self._send(_HEADS[304], following.wire_with(headers), now)

    def _drop_held(self) -> None:
        if self._held is not None:
            self._held.leave()
            self._held = None

    def _pass_on(self) -> None:
        """Let the gate hold the held poll from now on, as if it had held it from the beginning."""
        held = self._held
        if held is not None:
            self._drop_held()
            self._read(self._request)
            scope: Any = self.scope
            scope[HELD] = held

    def _read(self, data: bytes) -> None:
        """Parse ``data`` the ordinary way; where it is one whole bodyless GET it may be learnt."""
        self._cached = None
        self._pass_on()
        is_between = self._framing.is_between and self._is_idle()
        heads = self._heads
        self._candidate = None
        super().data_received(data)
        if (
            is_between
            and self._heads == heads + 1
            and self._framing.is_between
            and len(data) <= LEARNT_BYTES
            and data.startswith(b"GET ")
            and data.endswith(b"\r\n\r\n")
        ):
            self._candidate, self._candidate_scope = data, self.scope

    def learn(self, scope: Any, cached: CachedPoll, following: CachedPoll) -> None:
        """The gate is about to answer the request of ``scope``.

        :param cached: the same poll, by the tag that the client has
        :param following: by the tag that it has after the answer
        """
        if self._may_learn(scope):
            self._learn(scope)
            self._expect(cached, following)
        self._candidate = self._candidate_scope = None

    def take(self, scope: Any, held: HeldPoll) -> bool:
        """Hold the request of ``scope``, which the gate would hold; False where the gate must."""
        if not self._may_learn(scope) or self._queue or self.flow.write_paused:
            return False
        self._learn(scope)
        self._candidate = self._candidate_scope = None
        self._queue.take_back()
        self._hold(held, monotonic())
        self.flow.resume_reading()
        self._go_on()
        return True

    def _may_learn(self, scope: Any) -> bool:
        return (
            self.is_lane_open
            and self._candidate is not None
            and self._candidate_scope is scope
            and self.cycle.keep_alive
            and not self._is_draining
            and not self.access_log
        )

    def _learn(self, scope: Any) -> None:
        self._request = self._candidate or b""
        self._request_id = request_ids.own_in(scope["headers"])

    def renew_date(self) -> None:
        """Date the answer to a held request anew: uvicorn dated it when the request came."""
        if self._queue.answering is not None:
            self._queue.answering.default_headers = self.server_state.default_headers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._scope_base["presence.lane"] = self

    def eof_received(self) -> bool:  # type: ignore[override]
        self._pass_on()
        return super().eof_received()

    def pause_writing(self) -> None:
        self._pass_on()
        super().pause_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_held()
        self._cached = self._candidate = self._candidate_scope = None
        self._scope_base.clear()  # it refers to this connection
        super().connection_lost(exc)

    def shutdown(self) -> None:
        self._pass_on()
        self._cached = None
        super().shutdown()


class _Head:
    """The start of an answer, the same for all until uvicorn renews the date."""

    def __init__(self, status: int) -> None:
        self._status = STATUS_LINE[status]
        self._made_of: object = None
        self._wire = b""

    def of(self, default_headers: RawHeaders) -> bytes:
        if self._made_of is not default_headers:
            self._made_of = default_headers
            lines = [name + b": " + value + b"\r\n" for name, value in default_headers]
            self._wire = self._status + b"".join(lines)
        return self._wire


_HEADS = {status: _Head(status) for status in (200, 304)}
