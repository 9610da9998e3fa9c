"""One request and its answer: uvicorn's, for clients that half-close before they are answered."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from live.asgi import Message
from live.request_head import RequestHead

HALF_CLOSED: Message = {"type": "http.disconnect", "presence.half_closed": True}


class ClientGone(OSError):
    """The client has disconnected before the end of its answer."""


class RequestCycle(RequestResponseCycle):
    """
    :ivar has_left: the client has half-closed; it may still listen
    """

    has_left = False
    _is_read = False  # the body, to its end

    async def receive(self) -> Any:
        if self.has_left and self._is_read:
            return HALF_CLOSED
        message = await super().receive()
        if message["type"] == "http.request":
            if self.has_left and self._is_read:
                return HALF_CLOSED
            self._is_read = not message["more_body"]
        return message

    async def send(self, message: Any) -> None:
        """Send, and wait until the connection has taken what another piece of the body follows.

        :raises ClientGone: nobody takes it
        """
        await super().send(message)
        if message.get("more_body"):
            if self.flow.write_paused and not self.disconnected:
                await self.flow.drain()
            if self.disconnected:
                raise ClientGone

    def leave(self) -> None:
        """The client has half-closed: nothing more will come from it."""
        self.has_left = True
        self.message_event.set()

    def take_back(self) -> None:
        """Another answers it: what the application does with it from now on goes nowhere."""
        self.disconnected = self.response_complete = True

    def drop(self) -> None:
        """Send no answer: the connection is gone."""
        self.disconnected = not self.response_complete
        self.message_event.set()


class Expect100Cycle(RequestCycle):
    """The client waits for a 100 before it sends the body (RFC 9110, 10.1.1)."""

    async def send(self, message: Any) -> None:
        if self.waiting_for_100_continue and not self.response_started:
            # The client may still send the body, or not: what comes next could be the body or a
            # request.
            self.keep_alive = False
        await super().send(message)


def scope_base(protocol: HttpToolsProtocol) -> dict[str, Any]:
    """What the ASGI scopes of a connection's requests have in common."""
    return {
        "type": "http",
        "asgi": {"version": protocol.asgi_version, "spec_version": "2.3"},
        "server": protocol.server,
        "client": protocol.client,
        "scheme": protocol.scheme,
        "root_path": "",
    }


def cycle_of(protocol: HttpToolsProtocol, head: RequestHead, *, keep_alive: bool) -> RequestCycle:
    """The cycle of a request on a connection.

    :param keep_alive: whether the connection outlives the answer
    """
    kind = Expect100Cycle if head.expects_continue else RequestCycle
    return kind(
        scope=protocol.scope,
        transport=protocol.transport,
        flow=protocol.flow,
        logger=protocol.logger,
        access_logger=protocol.access_logger,
        access_log=protocol.access_log,
        default_headers=protocol.server_state.default_headers,
        message_event=asyncio.Event(),
        expect_100_continue=head.expects_continue,
        keep_alive=keep_alive,
        on_response=protocol.on_response_complete,
    )
