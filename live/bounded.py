"""A connection within bounds: what it may send, and how long it may take to send and to read.

uvicorn's protocol class with message boundaries of our own (:mod:`live.framing`). Requests that
come while another is being answered stand in line, few of them; what can't be read is answered in
its turn, and ends the connection.
"""

import asyncio
from time import monotonic
from typing import Any, cast

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from live.counts import Counts
from live.cycle import Cycle, ExpectingCycle
from live.framing import END, Framing
from live.head import Head
from live.refused import Refused
from live.writing import WriteWatch
from routes import request_ids

# contract.md, "Endpoints"
HEADERS_SECONDS = 10.0
REQUESTS_IN_FLIGHT = 8
# A client that is still sending when its connection ends may never see its answer (RFC 9112, 9.6).
LINGER_SECONDS = 2.0


class BoundedProtocol(HttpToolsProtocol):
    """
    :cvar counts: where refusals are counted
    :cvar drain_seconds: how long an idle connection is kept when the server stops
    :cvar is_stopping: the server stops: whoever connects even now shall connect anew
    """

    counts = Counts()
    drain_seconds = 3.0
    is_stopping = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = None  # type: ignore[assignment]  # two would disagree some day
        self._framing = Framing()
        self._heads = 0  # so far
        self._answering: Cycle | None = None  # begun last
        self._is_deaf = False  # what comes is not read any more
        self._last_words = b""  # to be said when all before is answered
        self._used_at = 0.0  # the last answer
        self._deadline: asyncio.TimerHandle | None = None
        self._watch: WriteWatch = None  # type: ignore[assignment]  # until it is connected
        self._is_draining = False
        self._of_connection: dict[str, Any] = {}  # of each request's scope

    # What comes

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        try:
            for event in self._framing.receive(data):
                if event is END:
                    self._on_end()
                elif isinstance(event, Head):
                    self._on_head(event)
                else:
                    self.on_body(event)
                if self._is_deaf:
                    return
        except Refused as refused:
            self._refuse(refused)
        else:
            if self._framing.is_in_head:
                self._set_deadline()

    def _on_head(self, head: Head) -> None:
        self._cancel_deadline()
        if len(self.pipeline) + (not self._is_idle()) >= REQUESTS_IN_FLIGHT:
            self._end("too_many_in_flight")
            return
        self._heads += 1
        was_idle = self._is_idle()
        self.scope = head.scope(self._of_connection)  # type: ignore[assignment]
        kind = ExpectingCycle if head.expects_continue else Cycle
        self.cycle = kind(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=head.expects_continue,
            keep_alive=head.keep_alive and not self._is_draining,
            on_response=self.on_response_complete,
        )
        if was_idle and not self.flow.write_paused:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.waiting_for_100_continue = False
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def _on_end(self) -> None:
        self._cancel_deadline()
        if self.cycle.response_complete:
            self._go_on()
        else:
            self.cycle.more_body = False
            self.cycle.message_event.set()
        if not self.cycle.keep_alive:
            self._is_deaf = True  # RFC 9112, 9.6: no request after one that closes

    def eof_received(self) -> bool:  # type: ignore[override]  # as asyncio has it
        """The client has said its last word. Whole requests are answered still.

        :returns: whether the connection stays open for that
        """
        self._is_deaf = True
        self._forget_half_a_request()
        unanswered = self._unanswered()
        if self.scheme == "https" or not unanswered:  # TLS can't be half-closed
            return bool(self._last_words)
        for cycle in unanswered:
            cycle.leave()
        unanswered[-1].keep_alive = False
        return True

    def _refuse(self, refused: Refused) -> None:
        """Answer in place of the application, when all that came before is answered."""
        self.counts.refuse(refused.reason, self.client)
        self._cancel_deadline()
        self._is_deaf = True
        if self._framing.is_in_body and self.cycle.response_started:
            self._close()
            return
        self._forget_half_a_request()
        request_id = request_ids.raw(request_ids.own_or_new(None))
        self._last_words = refused.answer([*self.server_state.default_headers, request_id])
        if not self._unanswered():
            self._say_last_words()

    def _forget_half_a_request(self) -> None:
        """What was begun and will never be whole is nothing."""
        if self._framing.is_in_body and not self.cycle.response_complete:
            if self.pipeline:
                self.pipeline.popleft()
            else:
                cast(Cycle, self.cycle).drop()

    # What is answered

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._used_at = monotonic()
        self._watch.wrote()
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self._go_on()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.pipeline and self._answering is not None and self._answering.response_complete:
            self._go_on()

    def _go_on(self) -> None:
        """An answer is complete: what is next?"""
        if self.pipeline:
            # Two answers that nobody reads would take twice the memory of one.
            if not self.flow.write_paused:
                self._start_asgi_task(*self.pipeline.pop())
        elif self._last_words:
            self._say_last_words()
        elif self._framing.is_in_body:
            self._set_deadline()  # the rest of a body that was not waited for
        elif self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_handler()

    def _say_last_words(self) -> None:
        self.transport.write(self._last_words)
        self._last_words = b""
        self._watch.wrote()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
            self._deadline = self.loop.call_later(LINGER_SECONDS, self._close)
        else:
            self._close()

    def _unanswered(self) -> list[Cycle]:
        """The requests that wait for their answers, the oldest first."""
        now = self._answering
        first = [now] if now and not now.response_complete and not now.disconnected else []
        return first + [cast(Cycle, cycle) for cycle, _ in reversed(self.pipeline)]

    def _is_idle(self) -> bool:
        """No request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch = WriteWatch(self.loop, transport, self._end_stalled)
        self._of_connection = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
        }
        self._set_deadline()
        self._is_draining = self.is_stopping

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        self._unset_keepalive_if_required()
        self._watch.stop()
        # uvicorn tells the request that came last; this one may wait, others behind it.
        if self._answering is not None:
            self._answering.drop()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Let the client ask once more: it may be asking at this moment.

        Its next answer tells it to connect anew; a connection that stays idle is closed.
        """
        self._is_draining = True
        if self._is_idle():
            self.loop.call_later(self.drain_seconds, self._close_if_idle)
        else:
            super().shutdown()

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self._close()

    def _end(self, reason: str) -> None:
        """End it without a word, and count it."""
        self.counts.ended[reason] += 1
        self._is_deaf = True
        self.pipeline.clear()
        self._close()

    def _end_stalled(self) -> None:
        self.counts.ended["stalled"] += 1
        self.transport.abort()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self._watch.wrote()  # what was written before is sent first
            self.transport.close()

    # Timers

    def _set_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_SECONDS, self._give_up)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        """What has begun takes too long."""
        self._deadline = None
        if self._is_idle():
            self._end("silent" if self._framing.is_between else "slow")
        else:
            self._is_deaf = True
            self.cycle.keep_alive = False

    def timeout_keep_alive_handler(self) -> None:
        """The timer is not moved at each request, but looks back when it fires."""
        self.timeout_keep_alive_task = None
        if not self._is_idle() or self._deadline is not None:
            return  # they have bounds of their own, and set it again
        left = self._used_at + self.timeout_keep_alive - monotonic()
        if left > 0 and not self._is_draining:
            self.timeout_keep_alive_task = self.loop.call_later(
                left, self.timeout_keep_alive_handler
            )
        else:
            self._close()
