"""One HTTP/1.1 connection, with limits on heads, on requests in flight and on all waiting.

Requests that arrive while another is being answered are queued, at most a few. A request that can't
be parsed is answered in its turn, and its answer ends the connection.
"""

import asyncio
from time import monotonic
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from live.counters import Counters
from live.framing import END, Framing
from live.protocol_error import ProtocolError
from live.request_cycle import cycle_of, scope_base
from live.request_head import RequestHead
from live.request_queue import RequestQueue
from live.timer import Timer
from live.wheel import wheel_of
from live.write_timeout import WriteTimeout
from wire import request_ids

# contract.md, "Endpoints"
HEADERS_SECONDS = 10.0
REQUESTS_IN_FLIGHT = 8
# A client that is still sending when its connection ends may never see its answer (RFC 9112, 9.6).
LINGER_SECONDS = 2.0


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol class with our own parser (:mod:`live.framing`), limits and draining.

    uvicorn promises none of what this relies on, which is why it is pinned (``~=``):

    - its constructor and ``connection_made()`` set ``app``, ``loop``, ``logger``,
      ``access_logger``, ``access_log``, ``asgi_version``, ``server_state``, ``transport``,
      ``flow``, ``server``, ``client``, ``scheme``
    - it reads and we write ``cycle`` (the request that came last), ``scope`` (its scope) and
      ``timeout_keep_alive_task``, which runs for ``timeout_keep_alive`` seconds and is cancelled
      by ``_unset_keepalive_if_required()``
    - ``_start_asgi_task()`` runs a cycle, which calls ``on_response_complete()`` at its end
    - the server calls ``shutdown()``, the loop ``pause_writing()`` and ``resume_writing()``
    - ``parser`` and its queue are not used: two parsers would disagree some day

    :cvar counters: where refusals are counted
    :cvar drain_seconds: how long an idle connection is kept when the server stops
    :cvar is_stopping: the server is stopping: clients that connect even now are told to reconnect
    """

    counters = Counters()
    drain_seconds = 3.0
    is_stopping = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = None  # type: ignore[assignment]

        # Per-connection state
        self._framing = Framing()
        self._scope_base: dict[str, Any] = {}  # what the scopes of all requests have in common
        self._watch: WriteTimeout = None  # type: ignore[assignment]  # until it is connected
        self._wheel = wheel_of(self.loop)
        self._deadline = Timer(self.loop)  # for what has begun to arrive; at the end, for the close
        self._used_at = 0.0  # the last answer
        self._is_draining = False
        self._is_deaf = False  # nothing more is read
        self._last_words = b""  # a refusal, to be sent once all before it is answered

        # Per-request state
        self._heads = 0  # parsed so far
        self._queue = RequestQueue()

    # Receiving

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        try:
            for event in self._framing.receive(data):
                if event is END:
                    self._on_end()
                elif isinstance(event, RequestHead):
                    self._on_head(event)
                else:
                    self.on_body(event)
                if self._is_deaf:
                    return
        except ProtocolError as refused:
            self._refuse(refused)
        else:
            if self._framing.is_in_head:
                self._deadline.start(HEADERS_SECONDS, self._give_up)

    def _on_head(self, head: RequestHead) -> None:
        self._deadline.cancel()
        if len(self._queue) + (not self._is_idle()) >= REQUESTS_IN_FLIGHT:
            self._end("too_many_in_flight")
            return
        self._heads += 1
        was_idle = self._is_idle()
        self.scope = head.scope(self._scope_base)  # type: ignore[assignment]
        self.cycle = cycle = cycle_of(
            self, head, keep_alive=head.keep_alive and not self._is_draining
        )
        self._queue.add(cycle)
        if was_idle and not self.flow.write_paused:
            self._start_next()
        else:
            self.flow.pause_reading()

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
        self._deadline.cancel()
        if self.cycle.response_complete:
            self._go_on()
        else:
            self.cycle.more_body = False
            self.cycle.message_event.set()
        if not self.cycle.keep_alive:
            self._is_deaf = True  # RFC 9112, 9.6: nothing after a request that closes

    def eof_received(self) -> bool:  # type: ignore[override]  # as asyncio has it
        """The client has half-closed. Complete requests are still answered.

        :returns: whether the connection stays open for that
        """
        self._is_deaf = True
        self._drop_partial_request()
        unanswered = self._queue.unanswered()
        if self.scheme == "https" or not unanswered:  # TLS can't be half-closed
            return bool(self._last_words)
        for cycle in unanswered:
            cycle.leave()
        unanswered[-1].keep_alive = False
        return True

    def _refuse(self, refused: ProtocolError) -> None:
        """Answer in place of the application, once everything before it is answered."""
        self.counters.refuse(refused.reason, self.client)
        self._deadline.cancel()
        self._is_deaf = True
        if self._framing.is_in_body and self.cycle.response_started:
            self._close()
            return
        self._drop_partial_request()
        request_id = request_ids.raw(request_ids.own_or_new(None))
        self._last_words = refused.answer([*self.server_state.default_headers, request_id])
        if not self._queue.unanswered():
            self._say_last_words()

    def _drop_partial_request(self) -> None:
        """Forget a request whose body will never be complete."""
        if self._framing.is_in_body and not self.cycle.response_complete:
            self._queue.drop_newest()

    # Answering

    def _start_next(self) -> None:
        self._start_asgi_task(self._queue.take(), self.app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._used_at = monotonic()
        self._watch.wrote()
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self._go_on()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch.wrote()  # perhaps a piece of an answer

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._queue.is_next_due:
            self._go_on()

    def _go_on(self) -> None:
        """Take up what comes next after a complete answer."""
        if self._queue:
            # One unread answer is enough: two would take twice the memory.
            if not self.flow.write_paused:
                self._start_next()
        elif self._last_words:
            self._say_last_words()
        elif self._framing.is_in_body:
            self._deadline.start(HEADERS_SECONDS, self._give_up)  # for the rest of an unread body
        elif self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_handler()

    def _say_last_words(self) -> None:
        self.transport.write(self._last_words)
        self._last_words = b""
        self._watch.wrote()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
            self._deadline.start(LINGER_SECONDS, self._close)
        else:
            self._close()

    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    # Beginning and end

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch = WriteTimeout(self._wheel, transport, self._end_stalled)
        self._scope_base = scope_base(self)
        self._deadline.start(HEADERS_SECONDS, self._give_up)
        self._is_draining = self.is_stopping

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        self._unset_keepalive_if_required()
        self._watch.stop()
        # uvicorn tells the request that came last; the one being answered may be an earlier one.
        if self._queue.answering is not None:
            self._queue.answering.drop()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Answer one more request, since the client may be sending it at this moment.

        That answer closes the connection; a connection that stays idle is closed.
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
        """Close without an answer, and count it."""
        self.counters.ended[reason] += 1
        self._is_deaf = True
        self._queue.drop_waiting()
        self._close()

    def _end_stalled(self) -> None:
        self.counters.ended["stalled"] += 1
        self.transport.abort()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self._watch.wrote()  # what is written already is sent first
            self.transport.close()

    # Timers

    def _give_up(self) -> None:
        """The head or body that has begun takes too long."""
        if self._is_idle():
            self._end("silent" if self._framing.is_between else "slow")
        else:
            self._is_deaf = True
            self.cycle.keep_alive = False

    def timeout_keep_alive_handler(self) -> None:
        """See whether the connection has been idle for long enough.

        Resetting a timer with every request would cost more than looking back when it fires.
        """
        self.timeout_keep_alive_task = None
        if not self._is_idle() or self._deadline.is_running:
            return  # another limit applies, and starts this timer again
        left = self._used_at + self.timeout_keep_alive - monotonic()
        if left > 0 and not self._is_draining:
            self.timeout_keep_alive_task = self._wheel.call_later(  # type: ignore[assignment]
                left, self.timeout_keep_alive_handler
            )
        else:
            self._close()
