"""The express lane: a connection that asks the same bytes again gets the same question asked.

A polling client sends the very same bytes every two seconds. When one chunk that was one whole
bodyless GET has been answered 304 by the gate, the connection keeps those bytes and the question
that they asked. When they come again, between two requests, the question is asked again of memory;
nothing is parsed. Where the answer is another one now, the client's next bytes are known too: the
same, with the new tag in the old one's place. All else goes uvicorn's ordinary way.
"""

import asyncio
from time import monotonic
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from live.counts import Counts
from live.question import Question, RawHeaders, on_the_wire
from routes import request_ids

# design.md, "Memory": a connection without complete headers for so long is closed; uvicorn alone
# would keep it for ever.
HEADERS_SECONDS = 10.0
# As Node has it. The parser alone would take what comes, and ever more time for it.
HEAD_BYTES = 16 * 1024
HEAD_TOO_LARGE = b"Address and headers may take 16 KiB."


class ExpressProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the express lane, and with limits to headers: their time and size.

    :cvar counts: where answers are counted
    :cvar is_lane_open: False answers everything the ordinary way
    :cvar drain_seconds: how long an idle connection is kept when the server stops
    :cvar is_stopping: the server stops: whoever connects even now shall connect anew
    """

    counts = Counts()
    is_lane_open = True
    drain_seconds = 3.0
    is_stopping = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._question: Question | None = None
        self._request = b""  # the bytes of the question
        self._request_id: str | None = None  # that they name
        self._candidate: bytes | None = None  # the bytes that may become one, and their scope
        self._candidate_scope: Any = None
        self._begun = self._completed = 0  # messages
        self._seen = 0  # parts of messages: headers, pieces of bodies, ends
        self._unseen_bytes = 0  # of the part that is being received
        self._is_head_too_large = False
        self._used_at = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._is_draining = False
        self._answering: Any = None  # the cycle of the request that was handed on last

    def data_received(self, data: bytes) -> None:
        question = self._question
        if (
            question is not None
            and data == self._request
            and self.cycle.response_complete
            and not self.flow.write_paused  # a client that asks and does not read
        ):
            now = monotonic()
            if question.still_unchanged(now):
                self.counts.by_lane += 1
                self._send(_HEADS[304], question.wire, now)
                return
            judged = question.judged_anew()
            if judged is not None:
                self._expect(question, judged.next)
                headers = judged.headers
                if judged.status != 304:
                    request_id = request_ids.own_or_new(self._request_id)
                    headers = [*headers, request_ids.raw(request_id)]
                wire = on_the_wire(headers) + judged.body
                self._send(_HEADS[judged.status], wire, now)
                return
        self._question = None
        self._feed(data)

    def _send(self, head: "_Head", wire: bytes, now: float) -> None:
        self._used_at = now
        self.server_state.total_requests += 1
        self.transport.write(head.of(self.server_state.default_headers) + wire)

    def _expect(self, last: Question, following: Question | None) -> None:
        """The client's next request: the same bytes, if need be with the new tag."""
        self._question = following
        if following is None or following.tag == last.tag:
            return
        if last.asked.get(b"if-none-match") == last.tag and self._request.count(last.tag) == 1:
            self._request = self._request.replace(last.tag, following.tag)
        else:
            self._question = None

    def _feed(self, data: bytes) -> None:
        """Give ``data`` to the parser, and see whether it is one whole bodyless GET."""
        is_between = self._begun == self._completed and self._is_idle()
        completed, seen = self._completed, self._seen
        self._candidate = None
        super().data_received(data)
        self._unseen_bytes = self._unseen_bytes + len(data) if seen == self._seen else 0
        if self._unseen_bytes > HEAD_BYTES:
            self._refuse_head()
        if (
            is_between
            and self._begun == self._completed == completed + 1
            and data.startswith(b"GET ")
            and data.endswith(b"\r\n\r\n")
        ):
            self._candidate, self._candidate_scope = data, self.scope
        if self._deadline is None and self._is_idle() and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEADERS_SECONDS, self._give_up)

    def learn(self, scope: Any, question: Question) -> None:
        """The gate is about to answer the request of ``scope`` with this question's 304."""
        if (
            self.is_lane_open
            and self._candidate is not None
            and self._candidate_scope is scope
            and self.cycle.keep_alive
            and not self._is_draining
            and not self.access_log
        ):
            self._request, self._question = self._candidate, question
            self._request_id = request_ids.own_in(scope["headers"])
        self._candidate = self._candidate_scope = None

    def renew_date(self) -> None:
        """The request that is being answered has been held: uvicorn dated it when it came."""
        self._answering.default_headers = self.server_state.default_headers

    # Messages are counted to know when one chunk was one request, their parts to know how much of
    # one is still incomplete.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun += 1
        self.scope["presence.lane"] = self  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        self._cancel_deadline()
        self._seen += 1
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            self._is_head_too_large = True
            raise ValueError(HEAD_TOO_LARGE)  # which ends the parser
        if b"#" in self.url:
            # No request has a fragment (RFC 9112, 3.2); the parser would cut it off.
            raise ValueError("a fragment")
        super().on_headers_complete()
        if self._is_draining and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._seen += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._seen += 1
        self._completed += 1
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._is_head_too_large:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def _refuse_head(self) -> None:
        if self._is_idle():
            self.transport.write(
                STATUS_LINE[431] + b"content-type: text/plain; charset=utf-8\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n"
                % len(HEAD_TOO_LARGE)
                + HEAD_TOO_LARGE
            )
        self.transport.close()

    # Timers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADERS_SECONDS, self._give_up)
        self._is_draining = self.is_stopping

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        if self._answering is not None:
            # uvicorn tells the request that came last; this one may wait, others behind it.
            self._answering.disconnected = not self._answering.response_complete
            self._answering.message_event.set()
        self._question = self._candidate = self._candidate_scope = None
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """The timer is not moved at each use of the lane, but looks back when it fires."""
        left = self._used_at + self.timeout_keep_alive - monotonic()
        if left > 0 and not self._is_draining:
            self.timeout_keep_alive_task = self.loop.call_later(
                left, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        """Let the client ask once more: it may be asking at this moment.

        Its next answer tells it to connect anew; a connection that stays idle is closed.
        """
        self._is_draining = True
        self._question = None
        if self._is_idle():
            self.loop.call_later(self.drain_seconds, self._close_if_idle)
        else:
            super().shutdown()

    def _close_if_idle(self) -> None:
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()

    def _give_up(self) -> None:
        self._deadline = None
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_idle(self) -> bool:
        """No request is being answered."""
        return self.cycle is None or self.cycle.response_complete


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
